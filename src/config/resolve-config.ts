import { availableParallelism, hostname } from 'node:os'
import { relative, resolve } from 'node:path'
import { TwqError } from '../errors.ts'
import type { TaskQueue } from '../protocol/task-queue.ts'
import { closest } from '../runtime/closest.ts'
import { maskPasswords } from '../runtime/mask-passwords.ts'
import { expandNodeName } from '../runtime/node-name.ts'
import type { Config } from './config.ts'
import { type OptionKey, type OptionValues, optionKeys, options } from './options.ts'

/** Where values may come from, strongest last: defaults, Celery's environment names, the file, `TWQ_*`, flags. */
export interface ConfigSources {
  /** The configuration file, already loaded; its content is checked here. */
  readonly file?: { readonly path: string; readonly content: unknown } | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** By option key; texts as typed. */
  readonly flags?: Partial<Record<OptionKey, string>> | undefined
  /** What relative task paths start from: the folder of the file, else the working directory. */
  readonly baseDir: string
}

/** Where a value was found, in words for people: `worker.config.ts`, `TWQ_BROKER`, `--broker`, `default`. */
export type Origin = string

/** A configuration together with what there is to say about it. */
export interface ResolvedConfig {
  readonly config: Config
  readonly origins: ReadonlyMap<OptionKey, Origin>
  /** Worth a warning, and no reason to stop. */
  readonly notices: readonly string[]
}

/**
 * The configuration in force: flag over `TWQ_*` over file over Celery's environment over default. Throws `TWQ_CONFIG` that
 * lists every problem at once.
 */
export function resolveConfig(sources: ConfigSources): Config {
  return resolveWithOrigins(sources).config
}

/** As {@link resolveConfig}, with the origin of each value. */
export function resolveWithOrigins(sources: ConfigSources): ResolvedConfig {
  const file = readFile(sources)
  const problems: Problem[] = [...file.problems]
  const notices: string[] = misspeltEnvironment(sources.env ?? {})
  const values = new Map<OptionKey, unknown>()
  const origins = new Map<OptionKey, Origin>()

  for (const key of optionKeys) {
    const found = find(key, sources, file.values)
    const { parser } = options[key]
    const meant = celeryValue(key, found)
    if (meant !== undefined)
      notices.push(`${key} '${found.text ?? found.value}' is Celery's word for '${meant}' (from ${found.origin})`)
    const value = meant ?? (found.text === undefined ? parser.fromValue(found.value) : parser.fromText(found.text))
    if (found.old) notices.push(`${found.origin} is an old name, heard as ${options[key].env}; set that one instead`)
    if (value === undefined && found.kind !== 'default') problems.push(...invalid(key, found))
    values.set(key, value)
    origins.set(key, found.origin)
  }
  // A flag or a variable chooses among the queues of the file, whose settings hold all the same.
  const described = file.values.get('queues')
  const inFile = described === undefined ? [] : options.queues.parser.fromValue(described)
  if (inFile === undefined && origins.get('queues') !== fileName(sources)) {
    problems.push(...invalid('queues', { kind: 'file', origin: fileName(sources), value: described }))
  }
  if (problems.length > 0) throw configError(problems)
  const read = <K extends OptionKey>(key: K): OptionValues[K] => values.get(key) as OptionValues[K]
  const queues = chosenQueues(read, inFile ?? [])
  notices.push(...withoutEffect(read), ...tooLong(read))
  return { config: assemble(read, queues, sources.baseDir), origins, notices }
}

/** Celery's word, where it was used for a value of ours. */
function celeryValue(key: OptionKey, { text, value }: Found): unknown {
  const words = options[key].celeryValues ?? {}
  const word = text ?? value
  return typeof word === 'string' && Object.hasOwn(words, word) ? (words as Record<string, unknown>)[word] : undefined
}

type Read = <K extends OptionKey>(key: K) => OptionValues[K]

// RabbitMQ's own, unless somebody configured another.
const CONSUMER_TIMEOUT = 30 * 60_000

/** A task that may run longer than RabbitMQ waits for its acknowledgement. */
function tooLong(read: Read): string[] {
  const limit = read('timeLimit')
  if (limit === undefined || limit <= CONSUMER_TIMEOUT || read('acks') === 'early') return []
  return [
    "timeLimit is longer than 30 minutes, RabbitMQ's consumer_timeout unless it was raised: it takes back the message of a task that runs longer",
  ]
}

/** Settings that another one leaves no use for. */
function withoutEffect(read: Read): string[] {
  const pool = read('pool')
  const notices: string[] = []
  if (autoscaleOf(read) !== undefined && read('concurrency') !== undefined) {
    notices.push('concurrency has no effect: autoscale says how many tasks run at once')
  }
  if (pool === 'threads' || pool === 'processes') return notices
  for (const key of ['maxTasksPerChild', 'maxMemoryPerChild'] as const) {
    if (read(key) !== undefined) notices.push(`${key} has no effect: pool '${pool}' has neither threads nor processes`)
  }
  if (pool === 'solo' && (read('concurrency') ?? 1) > 1) {
    notices.push("concurrency has no effect: pool 'solo' runs one task at a time")
  }
  if (pool === 'solo' && read('autoscale') !== undefined) {
    notices.push("autoscale has no effect: pool 'solo' runs one task at a time")
  }
  return notices
}

type Queues = Pick<Config, 'queues' | 'knownQueues' | 'defaultQueue'>

/** Those that are to be consumed, with the settings that the file has for them, and all that are known. */
function chosenQueues(read: Read, inFile: readonly TaskQueue[]): Queues {
  const known = new Map(inFile.map((queue) => [queue.name, queue]))
  const wanted = read('queues').map((queue) => known.get(queue.name) ?? queue)
  for (const queue of wanted) known.set(queue.name, queue)
  const excluded = new Set(read('excludeQueues'))
  const queues = wanted.filter(({ name }) => !excluded.has(name))
  const [first] = queues
  if (first === undefined) {
    throw new TwqError(
      'TWQ_CONFIG',
      `there is no queue left to consume: all of ${wanted.map(({ name }) => name).join(', ')} are excluded`,
      {
        hint: 'Exclude fewer, or name others: --queues',
      },
    )
  }
  const freeze = (list: readonly TaskQueue[]): readonly TaskQueue[] => Object.freeze(list.map(deepFreeze))
  return { queues: freeze(queues), knownQueues: freeze([...known.values()]), defaultQueue: first.name }
}

function concurrencyOf(read: Read): number {
  const autoscale = autoscaleOf(read)
  if (autoscale !== undefined) return Math.max(autoscale.min, 1)
  switch (read('pool')) {
    case 'async':
      return read('concurrency') ?? 10
    case 'solo':
      return 1
    case 'threads':
    case 'processes':
      return read('concurrency') ?? availableParallelism()
  }
}

function autoscaleOf(read: Read): Config['autoscale'] {
  return read('pool') === 'solo' ? undefined : read('autoscale')
}

const DEFAULT: Origin = 'default'
// AMQP writes the count in 16 bits.
const LARGEST_PREFETCH = 65_535

/** A value as it was found; `text` where it was typed, `value` where it was written in a file. */
interface Found {
  readonly origin: Origin
  readonly kind: 'flag' | 'env' | 'file' | 'default'
  readonly text?: string
  readonly value?: unknown
  readonly old?: boolean
}

function find(
  key: OptionKey,
  { flags, env = {}, ...sources }: ConfigSources,
  file: ReadonlyMap<string, unknown>,
): Found {
  const option = options[key]
  const typed = flags?.[key]
  if (typed !== undefined) return { kind: 'flag', origin: option.flag?.long ?? key, text: typed }

  const own = env[option.env]
  if (own !== undefined && own !== '') return { kind: 'env', origin: option.env, text: own }

  if (file.has(key)) return { kind: 'file', origin: fileName(sources), value: file.get(key) }

  for (const { name, old = false } of option.celeryEnv ?? []) {
    const text = env[name]
    if (text !== undefined && text !== '') return { kind: 'env', origin: name, text, old }
  }
  return { kind: 'default', origin: DEFAULT, value: option.default }
}

interface Problem {
  readonly message: string
  readonly hint: string | undefined
}

/** The file's values by option key. A key set to `undefined` counts as left out. */
function readFile(sources: ConfigSources): { values: ReadonlyMap<string, unknown>; problems: readonly Problem[] } {
  const values = new Map<string, unknown>()
  const problems: Problem[] = []
  if (sources.file === undefined) return { values, problems }
  const origin = fileName(sources)

  const collect = (content: unknown, prefix: string): void => {
    if (!isPlainObject(content)) {
      const what = prefix === '' ? 'the configuration' : prefix.slice(0, -1)
      problems.push({ message: `${what} must be an object, got ${show(content)} (from ${origin})`, hint: undefined })
      return
    }
    for (const [name, value] of Object.entries(content)) {
      const key = prefix + name
      if (value === undefined) continue
      if (optionKeys.includes(key as OptionKey)) values.set(key, value)
      else if (optionKeys.some((known) => known.startsWith(`${key}.`))) collect(value, `${key}.`)
      else problems.push(unknownKey(key, origin))
    }
  }
  collect(sources.file.content, '')
  return { values, problems }
}

function unknownKey(key: string, origin: Origin): Problem {
  const near = nearestKey(key)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return {
    message: `${key} is not a setting${question} (from ${origin})`,
    hint: near === undefined ? `The settings are: ${optionKeys.join(', ')}.` : undefined,
  }
}

/** Also finds what is only spelt as Celery spells it: `broker_url`, `worker_concurrency`. */
function nearestKey(key: string): string | undefined {
  const plain = key.replace(/_/g, '').toLowerCase()
  return (
    closest(plain, optionKeys) ??
    optionKeys.find((known) => plain.startsWith(known.toLowerCase()) || plain.endsWith(known.toLowerCase()))
  )
}

function invalid(key: OptionKey, found: Found): readonly Problem[] {
  const { parser, derived, default: fallback } = options[key]
  const parts = found.kind === 'file' ? (parser.problems?.(found.value) ?? []) : []
  if (parts.length > 0) {
    return parts.map((part) => ({ message: maskPasswords(`${key}${part} (from ${found.origin})`), hint: undefined }))
  }
  const place = found.kind === 'file' ? `${key} in ${found.origin}` : found.origin
  return [
    {
      message: `${key} must be ${parser.expected}, got ${show(found.text ?? found.value)} (from ${found.origin})`,
      hint: `Correct ${place}, or remove it to use the default, ${derived ?? shownDefault(fallback)}.`,
    },
  ]
}

function configError(problems: readonly Problem[]): TwqError {
  const messages = problems.map(({ message }) => message)
  const hints = problems.flatMap(({ hint }) => hint ?? [])
  const message =
    messages.length === 1
      ? (messages[0] as string)
      : `the configuration has ${messages.length} problems:${messages.map((line) => `\n  - ${line}`).join('')}`
  return new TwqError('TWQ_CONFIG', message, { hint: [...new Set(hints)].join('\n') || undefined })
}

function assemble(read: Read, { queues, knownQueues, defaultQueue }: Queues, baseDir: string): Config {
  const concurrency = concurrencyOf(read)
  const autoscale = autoscaleOf(read)
  return Object.freeze({
    broker: read('broker'),
    resultBackend: read('resultBackend'),
    resultExpires: read('resultExpires'),
    resultExtended: read('resultExtended'),
    resultKeyPrefix: read('resultKeyPrefix'),
    resultPatience: read('resultPatience'),
    // Tasks themselves are the user's objects, and their schemas may keep caches inside: only the list is frozen.
    tasks: Object.freeze([...read('tasks')]),
    queues,
    knownQueues,
    defaultQueue,
    routes: read('routes'),
    defaultPriority: read('defaultPriority'),
    pool: read('pool'),
    concurrency,
    autoscale,
    maxTasksPerChild: read('maxTasksPerChild'),
    maxMemoryPerChild: read('maxMemoryPerChild'),
    acks: read('acks'),
    timeLimit: read('timeLimit'),
    softTimeLimit: read('softTimeLimit'),
    ackOnFailure: read('ackOnFailure'),
    ackOnTimeout: read('ackOnTimeout'),
    rejectOnLost: read('rejectOnLost'),
    prefetch:
      read('prefetch') ?? Math.min((autoscale?.max ?? concurrency) * read('prefetchMultiplier'), LARGEST_PREFETCH),
    prefetchMultiplier: read('prefetchMultiplier'),
    nodeName: expandNodeName(read('nodeName'), hostname()),
    heartbeat: read('heartbeat'),
    events: read('events'),
    workerEvents: read('workerEvents'),
    eventHeartbeat: read('eventHeartbeat'),
    unknownTask: read('unknownTask'),
    health: read('health'),
    statedb: pathFrom(baseDir, read('statedb')),
    rateLimit: read('rateLimit'),
    maxStarts: read('maxStarts'),
    maxBodySize: read('maxBodySize'),
    maxResultSize: read('maxResultSize'),
    control: read('control'),
    poolRestarts: read('poolRestarts'),
    shutdown: Object.freeze({ grace: read('shutdown.grace'), abort: read('shutdown.abort') }),
    management: read('management'),
    publishTimeout: read('publishTimeout'),
    delayedDelivery: read('delayedDelivery'),
    delayedQueueType: read('delayedQueueType'),
    holdFor: read('holdFor'),
    maxHeld: read('maxHeld'),
    maxHeldSize: read('maxHeldSize'),
    logLevel: read('logLevel'),
    logFormat: read('logFormat'),
    baseDir,
  })
}

/** Plain data, so that nothing of a user's is frozen: queues are read anew from what he wrote. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}

function pathFrom(folder: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(folder, path)
}

/** Names that begin like ours and are none of ours: most likely meant, and silently without effect. */
function misspeltEnvironment(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = optionKeys.map((key) => options[key].env)
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('TWQ_') || known.includes(name)) return []
    const near = closest(name, known)
    return near === undefined ? [] : [`${name} is not a setting and has no effect; did you mean ${near}?`]
  })
}

function fileName({ file }: Pick<ConfigSources, 'file'>): string {
  return file === undefined ? DEFAULT : relative(process.cwd(), file.path) || file.path
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const LONGEST_SHOWN = 200

/** A value as it may be shown to anyone: passwords masked, and no longer than a line or two. */
function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint') return `${value}n`
  const text = maskPasswords(jsonOf(value) ?? String(value))
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
}

function jsonOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** A default as one would write it in the file. */
export function shownDefault(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : Array.isArray(value)
      ? `[${value.map(shownDefault).join(', ')}]`
      : String(value)
}
