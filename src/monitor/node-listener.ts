import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Refusal } from './answers/session.ts'

/** What frameworks and body parsers add to a request of Node's. */
interface Handled {
  /** The full path, if a framework has removed a route's path from `url`. */
  readonly originalUrl?: unknown
  readonly body?: unknown
  rawBody?: unknown
}

const BODY_READ: Refusal = {
  error: 'the body of this request was read before the monitor got it',
  hint: 'Hand requests to the monitor before they reach a body parser.',
}

/**
 * Answers requests of Node's `http`, even if Express, Nest or Connect have removed a route's path, or if a parser has already
 * read a JSON body. If the body was read and is not available anywhere, the answer is 500 with that reason.
 */
export function nodeListener(
  answer: (request: Request) => Promise<Response>,
): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener(answer, { overrideGlobalObjects: false })
  return (request, response) => {
    const handled = request as IncomingMessage & Handled
    if (typeof handled.originalUrl === 'string') request.url = handled.originalUrl
    if (request.readableDidRead && !(handled.rawBody instanceof Buffer)) {
      const body = bodyOf(handled)
      if (body === undefined) {
        response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify(BODY_READ))
        return
      }
      // Where the listener looks for a body that was already read.
      handled.rawBody = body
    }
    void listener(request, response)
  }
}

/** The parsed body of a request, if it was JSON: a form would become what its sender may not send. */
function bodyOf({ body, headers }: IncomingMessage & Handled): Buffer | undefined {
  if (body instanceof Buffer) return body
  if (body === undefined || !/^application\/json\b/.test(headers['content-type'] ?? '')) return undefined
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}
