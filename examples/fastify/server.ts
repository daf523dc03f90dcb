import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Client, type ResultRecord, TwqError } from 'twq/client'
import { type Seen, seenOf } from './seen.ts'
import { startable } from './startable.ts'

/** How long a request waits for the broker or the result backend, in milliseconds. */
const PATIENCE = 5_000

/** Errors while the broker or the result backend is unreachable: a request may be retried. */
const AWAY = [
  'TWQ_BROKER_UNREACHABLE',
  'TWQ_BROKER_BLOCKED',
  'TWQ_CONNECTION_LOST',
  'TWQ_PUBLISH_TIMEOUT',
  'TWQ_RESULT_BACKEND',
] as const

interface ById {
  readonly Params: { readonly id: string }
}

/** The application: a page, a route for each task, and two ways to follow a task. Closing it closes the client. */
export async function createServer(client: Client): Promise<FastifyInstance> {
  const page = await readFile(new URL('index.html', import.meta.url), 'utf8')
  const closing = new AbortController()
  const server = Fastify({
    logger: { level: 'warn' },
    // Reject invalid fields: by default Fastify removes or converts them.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })

  server.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
  server.get('/tasks', () => startable)

  for (const { name, fields } of startable) {
    const body = { type: 'object', properties: fields, required: Object.keys(fields), additionalProperties: false }
    server.post<{ Body: Record<string, string | number> }>(
      `/tasks/${name}`,
      { schema: { body } },
      async (request, reply) => {
        const { id } = await client.send(name, request.body)
        return reply.code(202).send({ id, status: `/results/${id}`, events: `/results/${id}/events` })
      },
    )
  }

  // For polling: the latest state.
  server.get<ById>('/results/:id', async ({ params: { id } }): Promise<Seen> => {
    return seenOf(await inTime(client.result(id).record()))
  })

  // For following: each state as it arrives, as server-sent events.
  server.get<ById>('/results/:id/events', ({ params: { id } }, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, closing.signal])
    const states = client.result(id).states({ signal })
    return reply
      .headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'close' })
      .send(Readable.from(eventsOf(states, signal)))
  })

  server.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const [status, words] = answerTo(error)
    if (status >= 500) request.log.warn({ error: error.message }, 'a request failed')
    return reply.code(status).send({ error: words })
  })

  // End the streams first, so that closing need not wait for the clients that follow a task: browsers reconnect by themselves.
  server.addHook('preClose', async () => closing.abort())
  server.addHook('onClose', () => client.close())
  return server
}

async function* eventsOf(states: AsyncIterable<ResultRecord>, signal: AbortSignal) {
  // A first line, so that the browser knows at once that it is connected, and after which delay to reconnect.
  yield 'retry: 1000\n\n'
  try {
    for await (const record of states) yield event('state', seenOf(record))
  } catch (error) {
    if (!signal.aborted) yield event('lost', { error: answerTo(error as Error)[1] })
  }
}

// JSON contains no line breaks, so this is one line of data.
function event(name: string, content: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(content)}\n\n`
}

/** The status and text for an error; its own text is shown if it helps the caller. */
function answerTo(error: Error & { statusCode?: number }): [status: number, words: string] {
  if (TwqError.is(error, ...AWAY)) return [503, `the broker or the result backend can't be reached: ${error.message}`]
  if (error.name === 'TimeoutError') return [503, 'the result backend has not answered in time: ask again']
  if (TwqError.is(error, 'TWQ_RESULT_UNAVAILABLE')) return [404, error.message]
  const { statusCode = 500 } = error
  return statusCode < 500 ? [statusCode, error.message] : [500, 'the application has failed; its log says why']
}

/** An unreachable result backend is retried for longer than a request should wait. */
async function inTime<Value>(work: Promise<Value>): Promise<Value> {
  const limit = AbortSignal.timeout(PATIENCE)
  const late = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason))
  })
  return await Promise.race([work, late])
}
