import { TwqError } from '../errors.ts'
import type { TaskExchange, TaskQueue } from '../protocol/queue/task-queue.ts'
import { shellWord } from '../runtime/text/shell-word.ts'
import type { Channel } from './broker.ts'
import { parseInequivalence, readRefusal } from './failures.ts'
import type { Session } from './session.ts'

/** One setting that the broker has otherwise than it was declared. */
export interface Difference {
  readonly kind: 'queue' | 'exchange'
  /** By RabbitMQ's name: `durable`, `type`, `x-max-priority`, … */
  readonly argument: string
  /** The declared value and the existing one, as the broker shows them; `none` for nothing. */
  readonly wanted: string
  readonly found: string
}

type Arguments = Readonly<Record<string, unknown>>
type Shape = { readonly name: string; readonly arguments?: Arguments }

// Far more than there are settings; each question finds one difference.
const MOST_QUESTIONS = 20

/**
 * Everything in which an existing queue differs from `queue`, after the broker refused its declaration with `refusal`,
 * which names the first only. Asks again and again, each time with what is known taken over, on channels that are thrown
 * away; the queue is asked for passively before, so that nothing is created. Rejects with `refusal` where it is none.
 */
export function differencesOfQueue(
  session: Pick<Session, 'withChannel'>,
  queue: TaskQueue,
  refusal: unknown,
): Promise<readonly Difference[]> {
  return differences('queue', queue, refusal, (shape) =>
    session.withChannel(async (channel: Channel) => {
      await channel.inspectQueue(queue.name)
      await channel.declareQueue(shape)
    }),
  )
}

/** The same of an exchange. */
export function differencesOfExchange(
  session: Pick<Session, 'withChannel'>,
  exchange: TaskExchange,
  refusal: unknown,
): Promise<readonly Difference[]> {
  return differences('exchange', exchange, refusal, (shape) =>
    session.withChannel((channel) => channel.declareExchange(shape)),
  )
}

async function differences<T extends Shape>(
  kind: Difference['kind'],
  wanted: T,
  refusal: unknown,
  declare: (shape: T) => Promise<unknown>,
): Promise<readonly Difference[]> {
  const found: Difference[] = [differenceIn(kind, refusal)]
  let shape = amended(wanted, found[0] as Difference)
  for (let questions = 0; questions < MOST_QUESTIONS; questions += 1) {
    try {
      await declare(shape)
      break
    } catch (error) {
      const next = anotherIn(kind, error, found)
      if (next === undefined) break
      found.push(next)
      shape = amended(shape, next)
    }
  }
  return found
}

function differenceIn(kind: Difference['kind'], refusal: unknown): Difference {
  const said = TwqError.is(refusal, 'TWQ_QUEUE_MISMATCH')
    ? parseInequivalence(readRefusal(refusal.cause)?.text ?? '')
    : undefined
  if (said === undefined) throw refusal
  const { argument, wanted } = said
  // Without an argument a queue is a classic one.
  const found = argument === 'x-queue-type' && said.found === 'none' ? 'classic' : said.found
  return { kind, argument, wanted, found }
}

/** The difference that one more refusal names; undefined for another error, or a difference that is known. */
function anotherIn(kind: Difference['kind'], error: unknown, known: readonly Difference[]): Difference | undefined {
  try {
    const next = differenceIn(kind, error)
    return known.some(({ argument }) => argument === next.argument) ? undefined : next
  } catch {
    return undefined
  }
}

/** The declaration with one setting as the broker has it. */
function amended<T extends Shape>(shape: T, { argument, found }: Difference): T {
  if (argument === 'durable') return { ...shape, durable: found === 'true' }
  if (argument === 'auto_delete') return { ...shape, autoDelete: found === 'true' }
  if (argument === 'type') return { ...shape, type: found }
  const { [argument]: _, ...others } = shape.arguments ?? {}
  const none = found === 'none' || found === 'undefined' || (argument === 'x-queue-type' && found === 'classic')
  return { ...shape, arguments: none ? others : { ...others, [argument]: argumentOf(found) } }
}

function argumentOf(text: string): unknown {
  if (/^-?\d+$/.test(text)) return Number(text)
  return text === 'true' || text === 'false' ? text === 'true' : text
}

/** The error that explains in what the broker has a queue otherwise, and the ways out. */
export function mismatch(queue: TaskQueue, found: readonly Difference[], cause: unknown): TwqError {
  const clauses = found.map(({ kind, argument, wanted, found: actual }) => {
    const of = kind === 'exchange' ? `exchange "${queue.exchange.name}": ` : ''
    const silent = isStated(queue, { kind, argument }) ? '' : ', of which the configuration says nothing'
    return `${of}${argument} is ${actual} there, and ${wanted} here${silent}`
  })
  const [only, ...others] = clauses
  const told = others.length === 0 ? ` ${only}` : clauses.map((clause) => `\n  - ${clause}`).join('')
  return new TwqError('TWQ_QUEUE_MISMATCH', `queue "${queue.name}" exists with other settings:${told}`, {
    hint: [
      "Have the configuration, and Python's task_queues, say what the broker has; what they leave out is taken as it is.",
      `Or, once it is empty and unused, delete it and let it be declared anew: rabbitmqctl delete_queue ${shellWord(queue.name)}`,
      'Or use another name: move the senders there first, and consume both until the old one is empty.',
    ].join('\n'),
    cause,
  })
}

/** Whether the configuration itself says what is different. */
export function isStated(queue: TaskQueue, { kind, argument }: Pick<Difference, 'kind' | 'argument'>): boolean {
  return queue.stated.includes(kind === 'exchange' ? `exchange.${argument}` : argument)
}

/** The difference in the type of a queue, if there is one. */
export function typeAmong(differences: readonly Difference[]): Difference | undefined {
  return differences.find(({ kind, argument }) => kind === 'queue' && argument === 'x-queue-type')
}
