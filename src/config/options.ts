import { hostname } from 'node:os'
import { hintOf, messageOf } from '../errors.ts'
import { nameProblem, readQueue } from '../protocol/queue/queue-settings.ts'
import { type Routes, routeProblems } from '../protocol/queue/routes.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import { expandNodeName } from '../protocol/remote/node-name.ts'
import { parseAddress } from '../runtime/address.ts'
import { DEFAULT_BROKER } from '../runtime/default-broker.ts'
import { parseRate } from '../runtime/time/token-bucket.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { Config } from './config.ts'
import { controlPolicy } from './control-policy.ts'
import { duration, listOf, memorySize, oneOf, type Parser, poolBounds, text, wholeNumber, yesOrNo } from './parsers.ts'

/** What the options resolve to, by key: `Config`, flat, before what is derived from other values. */
export type OptionValues = Omit<
  Config,
  'shutdown' | 'baseDir' | 'prefetch' | 'concurrency' | 'knownQueues' | 'defaultQueue'
> & {
  readonly excludeQueues: readonly string[]
  readonly concurrency: number | undefined
  readonly prefetch: number | undefined
  readonly 'shutdown.grace': number
  readonly 'shutdown.abort': number
}

/** The name of an option; a dot leads into an object of the configuration file. */
export type OptionKey = keyof OptionValues

/** Reads the value of an option, as its parser left it. */
export type Read = <K extends OptionKey>(key: K) => OptionValues[K]

/** Everything there is to know of one option: it drives defaults, environment, flags, validation, `--help` and the documentation. */
export interface Option<T> {
  /** As one would write it in the file; `undefined` where it is derived, as `derived` says. */
  readonly default: unknown
  readonly derived?: string
  readonly env: string
  /** Names of Celery's own environment that are heard below the file. */
  readonly celeryEnv?: readonly CeleryName[]
  readonly flag?: Flag
  readonly parser: Parser<T>
  /** The value may hold a password: it is shown without, also where it can't be read. */
  readonly isUrl?: true
  /** Celery's words for some of the values, heard with a notice. */
  readonly celeryValues?: Readonly<Record<string, T>>
  /** One line, for `--help` and the table of options. */
  readonly doc: string
}

/** A name from Celery's environment; `old` ones are heard with a notice. */
export interface CeleryName {
  readonly name: string
  readonly old?: boolean
}

/** How an option is written on the command line. */
export interface Flag {
  readonly short?: string
  readonly long: string
  /** Stands for the value; a flag without one means `means`. */
  readonly placeholder?: string
  /** What a flag that takes no value says, as one would write it in the environment. */
  readonly means?: string
  /** Instead of the option's, where the flag says the opposite. */
  readonly doc?: string
  /** `all`: every command takes it; `worker`: `twq worker start`. */
  readonly of: 'all' | 'worker'
}

// AMQP's prefetch count and heartbeat are 16 bits wide.
const LARGEST_SHORT = 65_535

/** One row for each key, in the order in which people are shown them. */
export const options: { readonly [Key in OptionKey]: Option<OptionValues[Key]> } = {
  broker: {
    default: DEFAULT_BROKER,
    env: 'TWQ_BROKER',
    celeryEnv: [{ name: 'CELERY_BROKER_URL' }, { name: 'BROKER_URL', old: true }],
    flag: { short: '-b', long: '--broker', placeholder: '<url>', of: 'all' },
    parser: text("a URL like 'amqp://user:password@host:5672//'", (url) =>
      /^(amqps?|pyamqp|librabbitmq):\/\//i.test(url) ? url : undefined,
    ),
    isUrl: true,
    doc: 'the RabbitMQ to work with; a path of `//` is the virtual host `/`',
  },
  resultBackend: {
    default: 'rpc://',
    env: 'TWQ_RESULT_BACKEND',
    celeryEnv: [{ name: 'CELERY_RESULT_BACKEND' }],
    flag: { long: '--result-backend', placeholder: '<url>', of: 'all' },
    parser: text("'rpc://', 'none' or a URL like 'redis://:password@host:6379/0'", resultBackend),
    isUrl: true,
    doc: '`rpc://` sends results to the reply queue of whoever sent the task; `redis://` keeps them in a Redis; `none` sends none',
  },
  resultExpires: {
    default: '1d',
    env: 'TWQ_RESULT_EXPIRES',
    parser: duration(),
    doc: 'how long a Redis keeps results; `0` is for ever',
  },
  resultExtended: {
    default: false,
    env: 'TWQ_RESULT_EXTENDED',
    parser: yesOrNo(),
    doc: 'results in a Redis also say what was run with which arguments, and where',
  },
  resultKeyPrefix: {
    default: '',
    env: 'TWQ_RESULT_KEY_PREFIX',
    parser: text('a text without blanks', (prefix) => (/\s/.test(prefix) ? undefined : prefix)),
    doc: "what the names of results in a Redis begin with; Celery's `global_keyprefix`",
  },
  resultPatience: {
    default: '1m',
    env: 'TWQ_RESULT_PATIENCE',
    parser: duration(1_000),
    doc: "how long results that can't be stored are tried before the worker takes no further task; it goes on trying",
  },
  tasks: {
    default: [],
    env: 'TWQ_TASKS',
    parser: listOf("a list of module paths, globs like './tasks/*.ts', or tasks", (entry) =>
      (typeof entry === 'string' && entry !== '') || isBranded(entry) ? (entry as string | AnyTask) : undefined,
    ),
    doc: 'task modules: paths or globs, relative to the configuration file',
  },
  queues: {
    default: ['celery'],
    env: 'TWQ_QUEUES',
    celeryEnv: [{ name: 'CELERY_TASK_DEFAULT_QUEUE' }],
    flag: { short: '-Q', long: '--queues', placeholder: '<names>', of: 'worker' },
    parser: queueList(),
    doc: 'the queues to consume: names, or settings (docs/queues.md)',
  },
  excludeQueues: {
    default: [],
    env: 'TWQ_EXCLUDE_QUEUES',
    flag: { short: '-X', long: '--exclude-queues', placeholder: '<names>', of: 'worker' },
    parser: listOf('a list of queue names', queueName),
    doc: 'queues not to consume after all',
  },
  routes: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_ROUTES',
    parser: routeList(),
    doc: 'where tasks go that name no queue: by name, glob or function (docs/queues.md)',
  },
  defaultPriority: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_DEFAULT_PRIORITY',
    parser: wholeNumber(0, 255, 'a whole number from 0 to 255'),
    doc: 'the priority of tasks that nobody gives one',
  },
  inheritPriority: {
    default: false,
    env: 'TWQ_INHERIT_PRIORITY',
    parser: yesOrNo(),
    doc: "what follows a task, or is sent by it, gets that task's priority; Celery's `task_inherit_parent_priority`",
  },
  queueCreation: {
    default: 'any',
    env: 'TWQ_QUEUE_CREATION',
    parser: oneOf('any', 'configured'),
    doc: 'the queues that what follows a task, or is sent by it, may have declared: `any`, at most 16 a message beside those that queues, routes and tasks name, or only those',
  },
  pool: {
    default: 'async',
    env: 'TWQ_POOL',
    flag: { short: '-P', long: '--pool', placeholder: '<kind>', of: 'worker' },
    parser: oneOf('async', 'threads', 'processes', 'solo'),
    celeryValues: { prefork: 'processes', eventlet: 'async', gevent: 'async' },
    doc: "where tasks run: the worker's event loop, threads, processes, or one by one",
  },
  concurrency: {
    default: undefined,
    derived: '10; threads, processes: the processors',
    env: 'TWQ_CONCURRENCY',
    flag: { short: '-c', long: '--concurrency', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, 'a positive whole number'),
    doc: 'how many tasks run at once',
  },
  autoscale: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_AUTOSCALE',
    flag: { long: '--autoscale', placeholder: '<max,min>', of: 'worker' },
    parser: poolBounds(LARGEST_SHORT),
    doc: 'instead of `concurrency`: grow up to `max` while tasks wait, and shrink to `min` when they do not',
  },
  acks: {
    default: 'late',
    env: 'TWQ_ACKS',
    flag: { long: '--acks', placeholder: '<when>', of: 'worker' },
    parser: oneOf('late', 'early'),
    doc: "`late`: a message is acknowledged once its result is safe; `early`: when its task starts, as Celery's default",
  },
  maxTasksPerChild: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_MAX_TASKS_PER_CHILD',
    flag: { long: '--max-tasks-per-child', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, Number.MAX_SAFE_INTEGER, 'a positive whole number'),
    doc: 'a thread or process is replaced after this many tasks',
  },
  maxMemoryPerChild: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_MAX_MEMORY_PER_CHILD',
    flag: { long: '--max-memory-per-child', placeholder: '<size>', of: 'worker' },
    parser: memorySize(),
    doc: 'a thread or process that holds more is replaced',
  },
  timeLimit: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_TIME_LIMIT',
    flag: { long: '--time-limit', placeholder: '<duration>', of: 'worker' },
    parser: duration(1),
    doc: 'how long a task may run, unless it or its message says otherwise',
  },
  softTimeLimit: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_SOFT_TIME_LIMIT',
    flag: { long: '--soft-time-limit', placeholder: '<duration>', of: 'worker' },
    parser: duration(1),
    doc: "when a task's signal aborts, unless it or its message says otherwise",
  },
  ackOnFailure: {
    default: true,
    env: 'TWQ_ACK_ON_FAILURE',
    parser: yesOrNo(),
    doc: '`false`: the message of a task that failed, acknowledged late, is set aside in `<queue>.quarantine`',
  },
  ackOnTimeout: {
    default: true,
    env: 'TWQ_ACK_ON_TIMEOUT',
    parser: yesOrNo(),
    doc: '`false`: the message of a task that ran into its hard time limit goes back to its queue',
  },
  rejectOnLost: {
    default: true,
    env: 'TWQ_REJECT_ON_LOST',
    parser: yesOrNo(),
    doc: 'when whatever ran a task died: `true` sends its message back to its queue, `false` fails the task',
  },
  prefetch: {
    default: undefined,
    derived: 'concurrency × prefetchMultiplier',
    env: 'TWQ_PREFETCH',
    flag: { long: '--prefetch', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, `a whole number from 1 to ${LARGEST_SHORT}`),
    doc: 'how many messages to hold, those that run included',
  },
  prefetchMultiplier: {
    default: 1,
    env: 'TWQ_PREFETCH_MULTIPLIER',
    flag: { long: '--prefetch-multiplier', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, 'a positive whole number'),
    doc: 'messages to hold for each task that may run, unless `prefetch` is given',
  },
  nodeName: {
    default: 'twq@%h',
    env: 'TWQ_NODE_NAME',
    flag: { short: '-n', long: '--hostname', placeholder: '<name>', of: 'worker' },
    parser: {
      ...text("a name without blanks like 'twq@%h', with %h, %n, %d or %% filled in", nodePattern),
      problems: (value) => (typeof value === 'string' ? nodeProblems(value) : []),
      problemsOfText: nodeProblems,
    },
    doc: "the worker's name; `%h` is the host, `%n` its first label, `%d` its domain",
  },
  heartbeat: {
    default: '10s',
    env: 'TWQ_HEARTBEAT',
    parser: duration(1_000),
    doc: 'AMQP heartbeat; a dead connection is noticed within two of these',
  },
  events: {
    default: false,
    env: 'TWQ_EVENTS',
    flag: { short: '-E', long: '--task-events', means: 'true', of: 'worker' },
    parser: yesOrNo(),
    doc: 'tell monitors (`celery events`, Flower) of each task, asked or not',
  },
  workerEvents: {
    default: true,
    env: 'TWQ_WORKER_EVENTS',
    flag: {
      long: '--without-heartbeat',
      means: 'false',
      of: 'worker',
      doc: 'do not tell monitors that this worker is there',
    },
    parser: yesOrNo(),
    doc: '`false` keeps the worker from telling monitors that it is there',
  },
  eventHeartbeat: {
    default: '2s',
    env: 'TWQ_EVENT_HEARTBEAT',
    flag: { long: '--heartbeat-interval', placeholder: '<duration>', of: 'worker' },
    parser: duration(100),
    doc: 'how often it tells them; missing for two of these it counts as offline',
  },
  unknownTask: {
    default: 'quarantine',
    env: 'TWQ_UNKNOWN_TASK',
    parser: oneOf('quarantine', 'discard'),
    doc: 'a message whose task nobody registered is set aside in `<queue>.quarantine`, or dropped as Celery does',
  },
  health: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_HEALTH',
    flag: { long: '--health', placeholder: '<address>', of: 'worker' },
    parser: text("an address like '127.0.0.1:9808' or ':9808'", parseAddress),
    doc: 'where to answer probes and Prometheus over HTTP: `/livez`, `/readyz`, `/startupz`, `/metrics`, `/info`',
  },
  statedb: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_STATEDB',
    flag: { short: '-S', long: '--statedb', placeholder: '<path>', of: 'worker' },
    parser: text('a path', (path) => (path === '' ? undefined : path)),
    doc: 'the file that keeps revocations, relative to the configuration file',
  },
  rateLimit: {
    default: 0,
    env: 'TWQ_RATE_LIMIT',
    parser: { expected: "a rate like '10/s', '100/m' or '5/h', or 0", fromValue: parseRate, fromText: parseRate },
    doc: 'how often tasks of one name may start in this worker, unless they say so themselves; `0` is no limit',
  },
  maxStarts: {
    default: 3,
    env: 'TWQ_MAX_STARTS',
    parser: wholeNumber(2, 100, 'a whole number from 2 to 100'),
    doc: 'how many times a task that kills its worker is started before its message goes to `<queue>.quarantine`',
  },
  maxBodySize: {
    default: 16 * 1024 * 1024,
    env: 'TWQ_MAX_BODY_SIZE',
    parser: wholeNumber(1, 2 ** 31, 'a number of bytes, at least 1'),
    doc: 'the largest message body taken, in bytes, before and after decompression',
  },
  maxResultSize: {
    default: 16 * 1024 * 1024,
    env: 'TWQ_MAX_RESULT_SIZE',
    parser: wholeNumber(1, 2 ** 31, 'a number of bytes, at least 1'),
    doc: 'the largest result that a task may return, or state that it may report, in bytes of JSON; a task with a larger result fails',
  },
  control: {
    default: 'all',
    env: 'TWQ_CONTROL',
    parser: controlPolicy(),
    doc: 'the state-changing commands that remote control may give: `all`, none (`read`), or a list like `revoke,rate_limit`',
  },
  poolRestarts: {
    default: false,
    env: 'TWQ_POOL_RESTARTS',
    parser: yesOrNo(),
    doc: 'whether `pool_restart` may replace the threads or processes of the pool',
  },
  'shutdown.grace': {
    default: '20s',
    env: 'TWQ_SHUTDOWN_GRACE',
    flag: { long: '--shutdown-timeout', placeholder: '<duration>', of: 'worker' },
    parser: duration(),
    doc: 'how long running tasks may go on after the first signal to stop',
  },
  'shutdown.abort': {
    default: '5s',
    env: 'TWQ_SHUTDOWN_ABORT',
    flag: { long: '--abort-timeout', placeholder: '<duration>', of: 'worker' },
    parser: duration(),
    doc: 'how long they then get to stop once their signals are aborted',
  },
  management: {
    default: undefined,
    derived: 'none',
    env: 'TWQ_MANAGEMENT',
    parser: text("a URL like 'http://localhost:15672'", (url) =>
      URL.canParse(url) && /^https?:/.test(url) ? url : undefined,
    ),
    isUrl: true,
    doc: "RabbitMQ's management API, which `twq queue list` and `twq doctor` ask for more than AMQP tells",
  },
  publishTimeout: {
    default: '10s',
    env: 'TWQ_PUBLISH_TIMEOUT',
    parser: duration(100),
    doc: "how long a client's `send` waits for the broker's confirm",
  },
  delayedDelivery: {
    default: 'auto',
    env: 'TWQ_DELAYED_DELIVERY',
    parser: oneOf('auto', 'always', 'never'),
    doc: "tasks with long delays, and those of quorum queues, wait in Celery's native delayed delivery: declared when needed, at the start, or not used",
  },
  delayedQueueType: {
    default: 'quorum',
    env: 'TWQ_DELAYED_QUEUE_TYPE',
    parser: oneOf('quorum', 'classic'),
    doc: 'what its queues are declared as',
  },
  holdFor: {
    default: '10m',
    env: 'TWQ_HOLD_FOR',
    parser: duration(1_000),
    doc: 'how long a task waits in the worker at most; a longer delay is left to the broker',
  },
  maxHeld: {
    default: 10_000,
    env: 'TWQ_MAX_HELD',
    parser: wholeNumber(0, 50_000, 'a whole number from 0 to 50000'),
    doc: 'how many tasks wait in the worker at most, be their delays as short as they may',
  },
  maxHeldSize: {
    default: '64MB',
    env: 'TWQ_MAX_HELD_SIZE',
    parser: memorySize(),
    doc: 'how large their messages may be, all together',
  },
  logLevel: {
    default: 'info',
    env: 'TWQ_LOG_LEVEL',
    flag: { short: '-l', long: '--loglevel', placeholder: '<level>', of: 'worker' },
    parser: lowerCased(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
    celeryValues: { warning: 'warn', critical: 'fatal' },
    doc: 'the least severe lines to log',
  },
  logFormat: {
    default: 'auto',
    env: 'TWQ_LOG_FORMAT',
    flag: { long: '--log-format', placeholder: '<format>', of: 'worker' },
    parser: oneOf('auto', 'json', 'pretty'),
    doc: '`auto` is `pretty` on a terminal and `json`, one document a line, elsewhere',
  },
}

/** The keys in the order of the table. */
export const optionKeys = Object.keys(options) as OptionKey[]

// The rest of a Redis URL is read when it is opened, as a broker's is.
function resultBackend(url: string): string | undefined {
  if (url === 'rpc' || url === 'rpc://') return 'rpc'
  return url === 'none' || /^(rediss?|redis\+socket|sentinel):\/\//i.test(url) ? url : undefined
}

function queueName(name: unknown): string | undefined {
  return typeof name === 'string' && name !== '' && nameProblem(name) === undefined ? name : undefined
}

/** In a file names and settings, elsewhere names. */
function queueList(): Parser<readonly TaskQueue[]> {
  const expected = 'a list of different queues, at least one'
  const read = (members: unknown): readonly TaskQueue[] | undefined => {
    if (!Array.isArray(members) || members.length === 0) return undefined
    const queues = members.map(readQueue).flatMap((reading) => (reading.kind === 'queue' ? [reading.queue] : []))
    const names = new Set(queues.map(({ name }) => name))
    return names.size === members.length ? queues : undefined
  }
  return {
    expected,
    fromValue: read,
    fromText: (text) => read(text.split(',').map((name) => name.trim())),
    problemsOfText: (text) => text.split(',').flatMap((name) => nameProblem(name.trim()) ?? []),
    problems: (members) => {
      if (!Array.isArray(members)) return []
      return members.flatMap((member, index) => {
        const reading = readQueue(member)
        return reading.kind === 'queue' ? [] : reading.problems.map((problem) => `[${index}]${problem}`)
      })
    },
  }
}

/** In a file a table, a function, or a list of those; elsewhere JSON. */
function routeList(): Parser<Routes> {
  const read = (value: unknown): Routes | undefined =>
    routeProblems(value).length === 0 ? (value as Routes) : undefined
  return {
    expected: 'a table of task names, a function, or a list of those',
    fromValue: read,
    fromText: (text) => {
      try {
        return read(JSON.parse(text))
      } catch {
        return undefined
      }
    },
    problems: routeProblems,
  }
}

/** What `nodePattern` has against a name without blanks: it is too long, say. */
function nodeProblems(pattern: string): string[] {
  if (pattern === '' || /\s/.test(pattern)) return []
  try {
    expandNodeName(pattern, hostname())
    return []
  } catch (error) {
    const hint = hintOf(error)
    return [` can't be used: ${messageOf(error)}${hint === undefined ? '' : `; ${hint}`}`]
  }
}

function nodePattern(pattern: string): string | undefined {
  if (pattern === '' || /\s/.test(pattern)) return undefined
  try {
    expandNodeName(pattern, hostname())
    return pattern
  } catch {
    return undefined
  }
}

// Celery's habit is `-l INFO`.
function lowerCased<T>(parser: Parser<T>): Parser<T> {
  return { ...parser, fromText: (text) => parser.fromText(text.toLowerCase()) }
}

// A task is recognised by its brand (tasks/brand.ts); this layer knows the task modules by their types only.
function isBranded(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && Symbol.for('twq.task') in entry
}
