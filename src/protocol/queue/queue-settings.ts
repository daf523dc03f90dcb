import { closest } from '../../runtime/text/closest.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import { LONGEST_QUEUE_NAME } from '../companion-queues.ts'
import { type ExchangeType, plainQueue, type QueueArgument, type TaskExchange, type TaskQueue } from './task-queue.ts'

/** The settings of a task queue; all but the name are optional. Durations are milliseconds or texts like `'30s'`. */
export interface QueueSettings {
  readonly name: string
  /** `quorum` survives the loss of a node; it supports priorities from RabbitMQ 4.0 on, without `maxPriority`. */
  readonly type?: 'classic' | 'quorum'
  /** Whether it survives a restart of the broker. Default true. */
  readonly durable?: boolean
  /** Whether it is deleted with its last consumer. Default false. */
  readonly autoDelete?: boolean
  /** The exchange it is bound to: by default a direct exchange of the queue's name. */
  readonly exchange?: string | ExchangeSettings
  /** Its binding key, by default the queue's name; a pattern if the exchange is a `topic`. */
  readonly routingKey?: string
  /** The headers that a `headers` exchange compares. */
  readonly bindingArguments?: Readonly<Record<string, QueueArgument>>
  /** Messages of a classic queue have priorities from 0 up to this; at most 255, and 10 is usually enough (`x-max-priority`). */
  readonly maxPriority?: number
  /** Consumers with a higher priority are served first. */
  readonly consumerPriority?: number
  /** Where messages go that expire, are rejected, or exceed the length limit; the default exchange if no exchange is given. */
  readonly deadLetter?: { readonly exchange?: string; readonly routingKey?: string }
  /** Messages that wait longer are dropped, or go to `deadLetter`. */
  readonly messageTtl?: number | string
  /** The queue is deleted after this long without a consumer. */
  readonly expires?: number | string
  /** Above this number of messages, the oldest are removed. */
  readonly maxLength?: number
  /** Above this number of bytes, the oldest messages are removed. */
  readonly maxLengthBytes?: number
  /** How often a quorum queue accepts a returned message before it removes it. */
  readonly deliveryLimit?: number
  /** Further arguments by RabbitMQ's own names. */
  readonly arguments?: Readonly<Record<string, QueueArgument>>
}

/** The settings of an exchange. */
export interface ExchangeSettings {
  readonly name?: string
  /** Default `direct`. */
  readonly type?: ExchangeType
  readonly durable?: boolean
  readonly autoDelete?: boolean
}

/** The parsed settings of a queue, or all problems, each a text to follow the queue's name (`.durable must be …`). */
export type QueueReading =
  | { readonly kind: 'queue'; readonly queue: TaskQueue }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** Parses a queue's name or settings. Never throws. */
export function readQueue(value: unknown): QueueReading {
  if (typeof value === 'string' && value !== '') {
    const problem = nameProblem(value)
    return problem === undefined ? { kind: 'queue', queue: plainQueue(value) } : wrong(problem)
  }
  if (!isTable(value)) return wrong(` must be a queue's name or settings, got ${shown(value)}`)
  const problems = [...problemsIn(value, SETTINGS, ''), ...exchangeProblems(value.exchange)]
  if (value.name === undefined) problems.unshift('.name is missing')
  if (problems.length === 0) problems.push(...contradictions(value as unknown as QueueSettings))
  return problems.length > 0
    ? { kind: 'wrong', problems }
    : { kind: 'queue', queue: queueOf(value as unknown as QueueSettings) }
}

/** The problem with a task queue's name, a text to follow it; undefined if there is none. */
export function nameProblem(name: string): string | undefined {
  const bytes = Buffer.byteLength(name)
  if (bytes <= LONGEST_QUEUE_NAME) return undefined
  return ` must be a name of at most ${LONGEST_QUEUE_NAME} bytes, got ${bytes}: its quarantine is called <name>.quarantine, and RabbitMQ takes names of 255 bytes`
}

type Rule = readonly [expected: string, fits: (value: unknown) => boolean]

const NAME: Rule = ['a text of 1 to 255 bytes', isShort]
const QUEUE_NAME: Rule = [
  `a text of 1 to ${LONGEST_QUEUE_NAME} bytes, since its quarantine is called <name>.quarantine`,
  (value) => isShort(value) && nameProblem(value) === undefined,
]
const FLAG: Rule = ['true or false', (value) => typeof value === 'boolean']
const COUNT: Rule = ['a whole number, at least 1', (value) => isWhole(value, 1, 2 ** 31 - 1)]
const PERIOD: Rule = ["a duration like '30s' or '7d'", (value) => isWhole(parseDuration(value), 1, 2 ** 32 - 1)]
const ARGUMENTS: Rule = ['an object of texts, numbers, true or false', isArguments]

const SETTINGS: { readonly [Key in keyof Required<QueueSettings>]: Rule } = {
  name: QUEUE_NAME,
  type: ["'classic' or 'quorum'", (value) => value === 'classic' || value === 'quorum'],
  durable: FLAG,
  autoDelete: FLAG,
  exchange: ["an exchange's name or settings", (value) => isShort(value) || isTable(value)],
  routingKey: ['a text of at most 255 bytes', isKey],
  bindingArguments: ARGUMENTS,
  maxPriority: ['a whole number from 1 to 255', (value) => isWhole(value, 1, 255)],
  consumerPriority: ['a whole number', (value) => isWhole(value, -(2 ** 31), 2 ** 31 - 1)],
  deadLetter: ['an object with an exchange, a routingKey, or both', isDeadLetter],
  messageTtl: ["a duration like '30s' or '7d'", (value) => isWhole(parseDuration(value), 0, 2 ** 32 - 1)],
  expires: PERIOD,
  maxLength: COUNT,
  maxLengthBytes: ['a number of bytes, at least 1', (value) => isWhole(value, 1, Number.MAX_SAFE_INTEGER)],
  deliveryLimit: ['a whole number, at least 1', (value) => isWhole(value, 1, 2 ** 31 - 1)],
  arguments: ARGUMENTS,
}

const EXCHANGE_TYPES: readonly unknown[] = ['direct', 'topic', 'fanout', 'headers'] satisfies ExchangeType[]

const EXCHANGE_SETTINGS: { readonly [Key in keyof Required<ExchangeSettings>]: Rule } = {
  name: NAME,
  type: ["'direct', 'topic', 'fanout' or 'headers'", (value) => EXCHANGE_TYPES.includes(value)],
  durable: FLAG,
  autoDelete: FLAG,
}

function problemsIn(table: Table, rules: Readonly<Record<string, Rule>>, path: string): string[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined
    if (rule === undefined) return [`${path}.${key} is not a setting${meantOf(key, Object.keys(rules))}`]
    const [expected, fits] = rule
    return value === undefined || fits(value) ? [] : [`${path}.${key} must be ${expected}, got ${shown(value)}`]
  })
}

function exchangeProblems(exchange: unknown): string[] {
  return isTable(exchange) ? problemsIn(exchange, EXCHANGE_SETTINGS, '.exchange') : []
}

/** Also finds settings in kombu's spelling, such as `max_priority`. */
function meantOf(key: string, known: readonly string[]): string {
  const near = closest(key.replace(/_/g, ''), known)
  return near === undefined ? `; there are: ${known.join(', ')}` : `; did you mean ${near}?`
}

/** The name of each setting among the arguments of a queue. */
const ARGUMENT_OF = {
  maxPriority: 'x-max-priority',
  messageTtl: 'x-message-ttl',
  expires: 'x-expires',
  maxLength: 'x-max-length',
  maxLengthBytes: 'x-max-length-bytes',
  deliveryLimit: 'x-delivery-limit',
} as const

function contradictions(settings: QueueSettings): string[] {
  const { name, type, durable = true, autoDelete = false, deliveryLimit } = settings
  const own = argumentsOf({ ...settings, arguments: {} })
  const args = argumentsOf(settings)
  const quorum = args['x-queue-type'] === 'quorum'
  const problems = Object.keys(settings.arguments ?? {})
    .filter((key) => Object.hasOwn(own, key) || (key === 'x-queue-type' && type !== undefined))
    .map((key) => `.arguments has ${key}, which another setting says already`)
  if (name.startsWith('amq.')) problems.push('.name must not begin with amq., which RabbitMQ keeps to itself')
  if (args['x-queue-type'] === 'stream') problems.push(".arguments asks for a stream, which can't hold tasks")
  if (quorum && args['x-max-priority'] !== undefined) {
    problems.push(
      ' is a quorum queue, and those refuse x-max-priority: leave out maxPriority. They heed priorities by themselves, two levels from RabbitMQ 4.0 on and 0 to 31 from 4.3 on; before that use a classic queue, or one queue for each priority',
    )
  }
  if (quorum && !durable) problems.push(' is a quorum queue, and those are always durable')
  if (quorum && autoDelete) problems.push(' is a quorum queue, and those do not go with their last consumer')
  if (!quorum && deliveryLimit !== undefined) {
    problems.push(".deliveryLimit is for quorum queues: a classic one counts no deliveries; say type: 'quorum'")
  }
  return problems
}

function queueOf(settings: QueueSettings): TaskQueue {
  const { name, durable, autoDelete, routingKey, bindingArguments, consumerPriority } = settings
  const plain = plainQueue(name)
  return {
    ...plain,
    durable: durable ?? plain.durable,
    autoDelete: autoDelete ?? plain.autoDelete,
    arguments: argumentsOf(settings),
    exchange: exchangeOf(settings),
    routingKey: routingKey ?? plain.routingKey,
    bindingArguments: { ...bindingArguments },
    consumerPriority,
    stated: statedIn(settings),
  }
}

function argumentsOf(settings: QueueSettings): Record<string, QueueArgument> {
  const { type, deadLetter } = settings
  const args: Record<string, QueueArgument> = {}
  // Without an explicit type, a queue gets the default type of its virtual host, which need not be classic.
  if (type !== undefined) args['x-queue-type'] = type
  for (const [key, argument] of Object.entries(ARGUMENT_OF) as [keyof typeof ARGUMENT_OF, string][]) {
    const value = settings[key]
    // Durations as milliseconds, numbers unchanged.
    if (value !== undefined) args[argument] = parseDuration(value) as number
  }
  if (deadLetter !== undefined) args['x-dead-letter-exchange'] = deadLetter.exchange ?? ''
  if (deadLetter?.routingKey !== undefined) args['x-dead-letter-routing-key'] = deadLetter.routingKey
  return { ...args, ...settings.arguments }
}

function exchangeOf({ name, exchange }: QueueSettings): TaskExchange {
  const { exchange: plain } = plainQueue(name)
  if (typeof exchange === 'string') return { ...plain, name: exchange }
  return {
    name: exchange?.name ?? plain.name,
    type: exchange?.type ?? plain.type,
    durable: exchange?.durable ?? plain.durable,
    autoDelete: exchange?.autoDelete ?? plain.autoDelete,
  }
}

function statedIn(settings: QueueSettings): readonly string[] {
  const { durable, autoDelete, exchange } = settings
  const stated = Object.keys(argumentsOf(settings))
  if (durable !== undefined) stated.push('durable')
  if (autoDelete !== undefined) stated.push('auto_delete')
  if (isTable(exchange)) {
    if (exchange.type !== undefined) stated.push('exchange.type')
    if (exchange.durable !== undefined) stated.push('exchange.durable')
    if (exchange.autoDelete !== undefined) stated.push('exchange.auto_delete')
  }
  return stated
}

type Table = Readonly<Record<string, unknown>>

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// AMQP carries names and keys in short strings.
function isShort(value: unknown): value is string {
  return isKey(value) && value !== ''
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= 255
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

function isDeadLetter(value: unknown): boolean {
  if (!isTable(value)) return false
  const { exchange, routingKey, ...rest } = value
  const told = exchange !== undefined || routingKey !== undefined
  const fits = (part: unknown): boolean => part === undefined || isKey(part)
  return told && Object.keys(rest).length === 0 && fits(exchange) && fits(routingKey)
}

function isArguments(value: unknown): boolean {
  return (
    isTable(value) &&
    Object.values(value).every(
      (argument) => ['string', 'boolean'].includes(typeof argument) || Number.isFinite(argument),
    )
  )
}

function shown(value: unknown): string {
  try {
    const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
    return text.length > 100 ? `${text.slice(0, 100)}…` : text
  } catch {
    return 'what has no JSON form'
  }
}

function wrong(problem: string): QueueReading {
  return { kind: 'wrong', problems: [problem] }
}
