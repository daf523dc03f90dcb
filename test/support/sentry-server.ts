import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { Journal } from './until.ts'

/** An error or a message as an application reports it to Sentry. */
export interface SentryEvent {
  readonly tags: Readonly<Record<string, unknown>>
  readonly transaction?: string
  readonly message?: string
  readonly exception?: { readonly values: readonly { readonly type: string; readonly value: string }[] }
}

/** Takes what Sentry's SDK sends, in place of Sentry. */
export class SentryServer implements AsyncDisposable {
  readonly events = new Journal<SentryEvent>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
      void text(body).then((envelope) => {
        for (const event of eventsIn(envelope)) this.events.push(event)
        response.end('{}')
      })
    })
  }

  static async start(): Promise<SentryServer> {
    const server = new SentryServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** What an application calls SENTRY_DSN. */
  get dsn(): string {
    return `http://key@127.0.0.1:${(this.#server.address() as AddressInfo).port}/1`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** An envelope is a line of JSON, and then two for each part of it: what it is, and the part. */
function eventsIn(envelope: string): SentryEvent[] {
  const [, ...lines] = envelope.split('\n')
  return lines.flatMap((line, index) =>
    index % 2 === 0 && line !== '' && (JSON.parse(line) as { type: string }).type === 'event'
      ? [JSON.parse(lines[index + 1]!) as SentryEvent]
      : [],
  )
}
