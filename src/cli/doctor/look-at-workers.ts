import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, Connection, Delivery } from '../../broker/broker.ts'
import { PIDBOX_EXCHANGE } from '../../broker/pidbox.ts'
import { TwqError } from '../../errors.ts'
import { decodeBody } from '../../protocol/body.ts'
import { EVENT_EXCHANGE } from '../../protocol/remote/event.ts'
import { queuesIn, registeredIn } from '../../protocol/remote/inspect-answers.ts'
import { encodeRequest } from '../../protocol/remote/pidbox.ts'
import { queueStatus, withChannel } from '../../queues/queue-access.ts'
import type { Json } from '../../runtime/json.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { Broadcast } from '../../sending/broadcast.ts'

/** The answers of a live worker about itself. */
export interface WorkerFacts {
  readonly node: string
  readonly tasks: readonly string[]
  readonly queues: readonly string[]
  /** Processes that listen under this name; one, as a rule. Undefined where the broker does not tell. */
  readonly listeners: number | undefined
  /** Milliseconds that its clock is ahead of ours, the message's way included; undefined if it was not heard in time. */
  readonly aheadBy: number | undefined
}

const QUIET = 300
// Workers send a heartbeat every two seconds.
const HEARTBEAT_WAIT = 2_500

/** Asks every worker of the broker. An empty list when there is none; nothing is declared that outlives this. */
export async function lookAtWorkers(
  broker: Broker,
  connection: Connection,
  options: { readonly clock: Clock; readonly timeout: number },
): Promise<readonly WorkerFacts[]> {
  if (!(await anybodyListens(connection))) return []
  await using broadcast = await Broadcast.open(broker, options.clock)
  const ask = (method: string) => broadcast.ask(method, {}, { timeout: options.timeout, quiet: QUIET })
  const [tasks, queues] = await Promise.all([ask('registered'), ask('active_queues')])
  const nodes = [...new Set([...tasks.keys(), ...queues.keys()])].sort()
  const ahead = await clocksOf(connection, nodes, options.clock)
  return await Promise.all(
    nodes.map(async (node) => ({
      node,
      tasks: registeredIn(tasks.get(node)).map(({ name }) => name),
      queues: queuesIn(queues.get(node)).map(({ name }) => name),
      listeners: await listenersOf(connection, node),
      aheadBy: ahead.get(node),
    })),
  )
}

/** Without a mailbox a request comes back; without a single worker so far there is not even the exchange. */
async function anybodyListens(connection: Connection): Promise<boolean> {
  const ping = encodeRequest({ method: 'ping', clock: 1 })
  try {
    const answer = await withChannel(connection, (channel) =>
      channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, ping, { mandatory: true }),
    )
    return answer === 'confirmed'
  } catch (error) {
    if (TwqError.is(error, 'TWQ_QUEUE_MISSING')) return false
    throw error
  }
}

/** Two workers of one name share its mailbox, or fight for it where it is exclusive. */
async function listenersOf(connection: Connection, node: string): Promise<number | undefined> {
  try {
    return (await queueStatus(connection, `${node}.${PIDBOX_EXCHANGE}`))?.consumers
  } catch {
    // An exclusive mailbox can't be inspected from another connection.
    return undefined
  }
}

/** Listens to the workers' heartbeats until each was heard, or for as long as one takes. */
async function clocksOf(
  connection: Connection,
  nodes: readonly string[],
  clock: Clock,
): Promise<ReadonlyMap<string, number>> {
  const ahead = new Map<string, number>()
  const heard = new AbortController()
  const onEvent = (delivery: Delivery): void => {
    const beat = readBeat(delivery)
    if (beat === undefined || !nodes.includes(beat.node)) return
    ahead.set(beat.node, beat.time - clock.now())
    if (ahead.size === nodes.length) heard.abort()
  }
  try {
    await withChannel(connection, async (channel) => {
      const { name } = await channel.declareQueue({ name: '', durable: false, exclusive: true })
      await channel.bind(name, EVENT_EXCHANGE, 'worker.heartbeat')
      await channel.consume(name, onEvent, { noAck: true })
      await delay(HEARTBEAT_WAIT, undefined, { signal: heard.signal }).catch(() => {})
    })
  } catch (error) {
    // No worker sends events here, or this user may not consume them.
    if (!TwqError.is(error, 'TWQ_QUEUE_MISSING', 'TWQ_BROKER_PERMISSION', 'TWQ_QUEUE_LOCKED')) throw error
  }
  return ahead
}

function readBeat(delivery: Delivery): { readonly node: string; readonly time: number } | undefined {
  try {
    const event = decodeBody(delivery, { maxBodySize: 1024 * 1024 }) as { hostname?: Json; timestamp?: Json }
    const { hostname, timestamp } = event
    return typeof hostname === 'string' && typeof timestamp === 'number'
      ? { node: hostname, time: timestamp * 1_000 }
      : undefined
  } catch {
    return undefined
  }
}
