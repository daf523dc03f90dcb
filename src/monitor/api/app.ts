import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { messageOf, TwqError } from '../../errors.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import type { Refusal } from '../answers/session.ts'
import { actionRoutes } from './action-routes.ts'
import type { ApiEnv, ApiParts } from './context.ts'
import { guard } from './guard-requests.ts'
import { loginRoutes } from './login-routes.ts'
import { pageRoutes } from './page-routes.ts'
import { readRoutes } from './read-routes.ts'
import { Streams, streamRoutes } from './streams.ts'

const LARGEST_BODY = 256 * 1024

/** The monitor as a web application: pages, JSON under `/api`, and changes as server-sent events. */
export function monitorApp(parts: ApiParts): { readonly app: Hono<ApiEnv>; readonly streams: Streams } {
  const streams = new Streams(parts.changes, parts.clock)
  const app = new Hono<ApiEnv>({ strict: false }).basePath(parts.basePath || '/')
  app.use(guard(parts))
  app.use(
    bodyLimit({ maxSize: LARGEST_BODY, onError: (c) => c.json<Refusal>({ error: 'the body is too large' }, 413) }),
  )
  loginRoutes(app, parts)
  readRoutes(app, parts)
  actionRoutes(app, parts)
  streamRoutes(app, streams)
  pageRoutes(app, parts)
  app.notFound((c) => c.json<Refusal>({ error: 'there is nothing at this address' }, 404))
  app.onError((error, c) => {
    const status = TwqError.is(error) ? statusOf(error) : 500
    if (status === 500) parts.logger?.error({ event: 'monitor.request-failed', err: error }, 'a request failed')
    const text = status === 500 ? 'a defect of twq: its log has the error' : cutText(messageOf(error))
    const hint = TwqError.is(error) && error.hint !== undefined ? { hint: error.hint } : {}
    return c.json<Refusal>({ error: text, ...hint }, status)
  })
  return { app, streams }
}

function statusOf(error: TwqError): 400 | 409 | 500 | 503 {
  switch (error.code) {
    case 'TWQ_INTERNAL':
      return 500
    case 'TWQ_USAGE':
    case 'TWQ_ARGUMENTS':
      return 400
    case 'TWQ_SCHEDULE':
    case 'TWQ_QUEUE_MISSING':
    case 'TWQ_NO_WORKER':
    case 'TWQ_RESULT_UNAVAILABLE':
      return 409
    default:
      return 503
  }
}
