import { TwqError } from '../errors.ts'
import { isQuorum, type TaskQueue } from '../protocol/queue/task-queue.ts'
import { EVENT_EXCHANGE } from '../protocol/remote/event.ts'
import type { Channel, QueueStatus, ServerInfo } from './broker.ts'
import {
  type Difference,
  differencesOfExchange,
  differencesOfQueue,
  isStated,
  mismatch,
  typeAmong,
} from './differences.ts'
import { connectionRefusal, deniedFeature, readRefusal } from './failures.ts'
import { isRabbitMq4 } from './server-version.ts'
import type { Session } from './session.ts'

// Celery's declarations to the letter (section 1.2 of the wire specification): RabbitMQ refuses any that differs from
// what exists, and closes the channel that asked.

// As Celery: an event that was not read for five seconds is dropped, and a queue without a consumer for a minute is deleted.
const EVENT_QUEUE_ARGUMENTS = { 'x-message-ttl': 5_000, 'x-expires': 60_000 }

/** Said, since a virtual host may have another default; equal to a declaration without a type where it has not. */
export const CLASSIC = { 'x-queue-type': 'classic' }

/** Looking at a message gives it back, and from RabbitMQ 4 on a quorum queue drops one that came back 20 times. */
export const QUORUM_COMPANION = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 ** 31 - 1 }

/** How an existing task queue or exchange differs from what Celery would declare; it is used as it is. */
export interface TopologyDifference extends Difference {
  /** The task queue. */
  readonly name: string
  readonly error: TwqError
}

/**
 * Declares a task queue: its exchange, the queue itself, and the binding of one to the other. What exists with other
 * settings (a limit set in Python, say) is used as it is and reported, but for what the configuration states: there it
 * rejects with `TWQ_QUEUE_MISMATCH`, which lists all that differs; `lenient` reports that too. It always rejects so for a
 * stream, and for what the broker has disabled. On channels of its own, since a refusal closes the channel. Resolves with what the broker says of the queue.
 */
export async function declareTaskQueue(
  session: Pick<Session, 'withChannel'>,
  queue: TaskQueue,
  onDifference: (difference: TopologyDifference) => void,
  options: {
    readonly lenient?: boolean
    /** Hears that the binding could not be written, for want of a majority say: the queue can be consumed all the same. */
    readonly onUnbound?: (error: TwqError) => void
  } = {},
): Promise<QueueStatus> {
  const { lenient = false, onUnbound } = options
  const { name, exchange, routingKey, bindingArguments } = queue
  const report = (differences: readonly Difference[], refusal: unknown): void => {
    if (!lenient && differences.some((difference) => isStated(queue, difference))) {
      throw mismatch(queue, differences, refusal)
    }
    for (const difference of differences) {
      onDifference({ ...difference, name, error: mismatch(queue, [difference], refusal) })
    }
  }
  let exchangeFits = true
  // As kombu: those exchanges the broker brings along.
  if (!exchange.name.startsWith('amq.')) {
    await session
      .withChannel((channel) => channel.declareExchange(exchange))
      .catch(async (refusal) => {
        report(await differencesOfExchange(session, exchange, refusal), refusal)
        exchangeFits = false
      })
  }
  const status = await session
    .withChannel((channel) => channel.declareQueue(queue))
    .catch(async (refusal) => {
      const denied = deniedIn(queue, refusal)
      if (denied !== undefined) throw denied
      const differences = await differencesOfQueue(session, queue, refusal)
      if (differences.some(isStream)) throw streamFound(queue, refusal)
      report(differences, refusal)
      return await session.withChannel((channel) => channel.inspectQueue(name))
    })
  // An exchange that exists with other settings is left as it is, unbound; the default exchange reaches the queue anyway.
  if (exchangeFits) {
    await session
      .withChannel((channel) => channel.bind(name, exchange.name, routingKey, bindingArguments))
      .catch((error: unknown) => {
        if (onUnbound === undefined || !TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
        onUnbound(error)
      })
  }
  return status
}

/** A stream hands every message to every consumer, and acknowledgements mean nothing there. */
function isStream({ kind, argument, found }: Difference): boolean {
  return kind === 'queue' && argument === 'x-queue-type' && found === 'stream'
}

function streamFound({ name }: TaskQueue, cause: unknown): TwqError {
  return new TwqError('TWQ_QUEUE_MISMATCH', `queue "${name}" exists as a stream, which can't hold tasks`, {
    hint: 'Each of its consumers gets every message, and none is ever acknowledged. Use another name for the tasks.',
    cause,
  })
}

/** The refusal of what the broker has disabled, with the settings of the queue that ask for it. */
function deniedIn(queue: TaskQueue, refusal: unknown): TwqError | undefined {
  const error = connectionRefusal(refusal) ?? refusal
  if (!TwqError.is(error)) return undefined
  const feature = deniedFeature(readRefusal(error.cause)?.text ?? '')
  if (feature === undefined) return undefined
  const transient = /transient/.test(feature) && !queue.durable
  const all = Object.keys(queue.arguments)
  const named = all.filter((argument) => argument.includes(feature.replaceAll('_', '-')))
  const settings = transient ? ['durable: false'] : named.length > 0 ? named : all
  const asks = settings.length === 0 ? '' : `, which ${settings.join(', ')} asks for`
  const what = `queue "${queue.name}" can't be declared: the broker has disabled ${feature}${asks}`
  return new TwqError('TWQ_QUEUE_MISMATCH', what, { hint: error.hint, cause: error.cause })
}

/**
 * Whether a queue that was declared is a quorum queue, by what was reported of it. A declaration without a type takes the
 * default of its virtual host and tells nothing of it: the queue, which exists by now, is declared once more, as a classic
 * one, on a channel of its own, and the refusal says what it is.
 */
export async function isQuorumAsFound(
  session: Pick<Session, 'withChannel'>,
  queue: TaskQueue,
  differences: readonly Difference[],
): Promise<boolean> {
  const type = typeAmong(differences)
  if (type !== undefined) return type.found === 'quorum'
  if (queue.arguments['x-queue-type'] !== undefined) return isQuorum(queue)
  const classic: TaskQueue = { ...queue, arguments: { ...queue.arguments, ...CLASSIC } }
  try {
    await session.withChannel(async (channel) => {
      // Or it would be made, were it deleted meanwhile.
      await channel.inspectQueue(queue.name)
      await channel.declareQueue(classic)
    })
    return false
  } catch (refusal) {
    if (!TwqError.is(refusal, 'TWQ_QUEUE_MISMATCH')) return false
    const found = await differencesOfQueue(session, classic, refusal).catch(() => [])
    return typeAmong(found)?.found === 'quorum'
  }
}

/** Declares where all events of the cluster arrive for one reader, and resolves with the queue's name. */
export async function declareEventQueue(channel: Channel, id: string, server?: ServerInfo): Promise<string> {
  const name = `celeryev.${id}`
  const exclusive = server !== undefined && isRabbitMq4(server)
  await channel.declareExchange({ name: EVENT_EXCHANGE, type: 'topic', durable: true })
  await channel.declareQueue({ name, durable: false, autoDelete: true, exclusive, arguments: EVENT_QUEUE_ARGUMENTS })
  await channel.bind(name, EVENT_EXCHANGE, '#')
  return name
}

/**
 * Declares a client's queue for rpc results: durable and kept for `expires` milliseconds without a consumer, so that it
 * survives the client's own reconnect and the broker's restart; as a quorum queue also the loss of a node. Only twq declares it, so
 * it need not have Celery's form.
 */
export function declareResultQueue(
  channel: Channel,
  name: string,
  expires: number,
  { quorum = false }: { readonly quorum?: boolean } = {},
): Promise<QueueStatus> {
  const type = quorum ? QUORUM_COMPANION : CLASSIC
  return channel.declareQueue({ name, durable: true, arguments: { 'x-expires': expires, ...type } })
}
