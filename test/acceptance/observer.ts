import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../src/broker/broker.ts'
import { quarantineQueue, restoreQuarantined } from '../../src/protocol/quarantine.ts'

/** A message in quarantine. */
export interface SetAside {
  readonly reason: string
  readonly correlationId: string | undefined
  /** SHA-256 of the original header table's bytes and of the original body, as far as they could be restored. */
  readonly headers: string | undefined
  readonly body: string | undefined
}

/** A result as Celery's clients get it. */
export interface Answer {
  readonly status: string
  readonly result: unknown
}

/** Sees what a worker sets aside and what it answers. */
export interface Observer extends AsyncDisposable {
  readonly setAside: readonly SetAside[]
  /** The last answer that came for each correlation id. */
  readonly answers: ReadonlyMap<string, Answer>
  /** Waits for `condition` as long as `timeout` milliseconds; whoever called looks for himself what came. */
  until(condition: () => boolean, timeout: number): Promise<void>
}

/** Watches the quarantine of `queue`, which must exist, and the reply queue, which is declared. */
export async function observe(url: string, queue: string, replies: string): Promise<Observer> {
  const connection = await amqpBroker({ url, heartbeat: 10_000, name: 'observer' }).connect()
  const channel = await connection.openChannel()
  const setAside: SetAside[] = []
  const answers = new Map<string, Answer>()
  const changes = new EventEmitter()
  const consume = (name: string, take: (delivery: Delivery) => void) =>
    channel.consume(
      name,
      (delivery) => {
        take(delivery)
        changes.emit('change')
      },
      { noAck: true },
    )
  await channel.declareQueue({ name: replies, durable: false })
  await consume(quarantineQueue(queue), (delivery) => setAside.push(examine(delivery)))
  await consume(replies, ({ properties, body }) => {
    answers.set(properties.correlationId ?? '', JSON.parse(new TextDecoder().decode(body)) as Answer)
  })
  return {
    setAside,
    answers,
    async until(condition, timeout) {
      const signal = AbortSignal.timeout(timeout)
      while (!condition() && !signal.aborted) await once(changes, 'change', { signal }).catch(() => {})
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

function examine(delivery: Delivery): SetAside {
  const original = restoreQuarantined(delivery)?.message
  return {
    reason: String(delivery.headers['x-twq-reason'] ?? ''),
    correlationId: delivery.properties.correlationId,
    headers: original?.rawHeaders && sha256(original.rawHeaders),
    body: original && sha256(original.body),
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
