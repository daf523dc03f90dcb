import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../src/broker/broker.ts'
import { quarantineQueue } from '../../src/protocol/companion-queues.ts'
import { restoreQuarantined } from '../../src/protocol/headers/quarantine.ts'

/** SHA-256 of a header table's bytes and of a body. */
export interface Content {
  readonly headers: string | undefined
  readonly body: string | undefined
}

/** A message in quarantine; the content is that of the original, as far as it could be restored. */
export interface SetAside extends Content {
  readonly reason: string
  readonly correlationId: string | undefined
}

/** A result as Celery's clients get it. */
export interface Answer {
  readonly status: string
  readonly result: unknown
}

/** Sees what a worker sets aside and what it answers. */
export interface Observer extends AsyncDisposable {
  readonly setAside: readonly SetAside[]
  /** What came to the queue for copies. From 4.0 on, RabbitMQ encodes header tables again: the sender's bytes are lost. */
  readonly copies: readonly Content[]
  /** The last answer that came for each correlation id. */
  readonly answers: ReadonlyMap<string, Answer>
  /** Waits for `condition` as long as `timeout` milliseconds; whoever called looks for himself what came. */
  until(condition: () => boolean, timeout: number): Promise<void>
}

/** Watches the quarantine of `queue`, which must exist, and the other queues, which are declared. */
export async function observe(
  url: string,
  {
    queue,
    replies,
    copies: copiesQueue,
  }: { readonly queue: string; readonly replies: string; readonly copies?: string },
): Promise<Observer> {
  const connection = await amqpBroker({ url, heartbeat: 10_000, name: 'observer' }).connect()
  const channel = await connection.openChannel()
  const setAside: SetAside[] = []
  const copies: Content[] = []
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
  await channel.declareQueue({ name: replies, durable: true, autoDelete: true })
  await consume(quarantineQueue(queue), (delivery) => setAside.push(examine(delivery)))
  await consume(replies, ({ properties, body }) => {
    answers.set(properties.correlationId ?? '', JSON.parse(new TextDecoder().decode(body)) as Answer)
  })
  if (copiesQueue !== undefined) {
    await channel.declareQueue({ name: copiesQueue, durable: true, autoDelete: true })
    await consume(copiesQueue, (delivery) => copies.push(contentOf(delivery)))
  }
  return {
    setAside,
    copies,
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
    ...(original ? contentOf(original) : { headers: undefined, body: undefined }),
  }
}

function contentOf({ rawHeaders, body }: Pick<Delivery, 'rawHeaders' | 'body'>): Content {
  return { headers: rawHeaders && sha256(rawHeaders), body: sha256(body) }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
