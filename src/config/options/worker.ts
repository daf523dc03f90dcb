import { hostname } from 'node:os'
import { hintOf, messageOf } from '../../errors.ts'
import { expandNodeName } from '../../protocol/remote/node-name.ts'
import { parseAddress } from '../../runtime/address.ts'
import { parseRate } from '../../runtime/time/token-bucket.ts'
import { controlPolicy } from './control-policy.ts'
import { option } from './option.ts'
import { duration, oneOf, text, wholeNumber, yesOrNo } from './parsers.ts'

/** The worker's name, events and probes, what it refuses, and how it stops. */
export const workerOptions = {
  /** Node name; `%h` host, `%n` its first label, `%d` its domain. */
  nodeName: option({
    default: 'twq@%h',
    env: 'TWQ_NODE_NAME',
    flag: { short: '-n', long: '--hostname', placeholder: '<name>', of: 'worker' },
    parser: {
      ...text("a name without blanks like 'twq@%h', with %h, %n, %d or %% filled in", nodePattern),
      problems: (value) => (typeof value === 'string' ? nodeProblems(value) : []),
      problemsOfText: nodeProblems,
    },
    doc: "the worker's name; `%h` is the host, `%n` its first label, `%d` its domain",
  }),
  /** AMQP heartbeat interval. A dead connection is detected within two intervals. */
  heartbeat: option({
    default: '10s',
    env: 'TWQ_HEARTBEAT',
    parser: duration(1_000),
    doc: 'AMQP heartbeat interval; a dead connection is detected within two intervals',
  }),
  /** Send task events without being asked; Celery's `-E`. */
  events: option({
    default: false,
    env: 'TWQ_EVENTS',
    flag: { short: '-E', long: '--task-events', means: 'true', of: 'worker' },
    parser: yesOrNo(),
    doc: 'send task events to monitors (`celery events`, Flower) without being asked',
  }),
  /** Whether the worker sends its online, offline and heartbeat events. */
  workerEvents: option({
    default: true,
    env: 'TWQ_WORKER_EVENTS',
    flag: {
      long: '--without-heartbeat',
      means: 'false',
      of: 'worker',
      doc: 'send no worker events: online, offline and heartbeats',
    },
    parser: yesOrNo(),
    doc: '`false` sends no worker events: online, offline and heartbeats',
  }),
  /** The interval of heartbeat events. */
  eventHeartbeat: option({
    default: '2s',
    env: 'TWQ_EVENT_HEARTBEAT',
    flag: { long: '--heartbeat-interval', placeholder: '<duration>', of: 'worker' },
    parser: duration(100),
    doc: 'the interval of heartbeat events; monitors take a worker for offline after two without one',
  }),
  /** Whether the message of a task that is not registered is set aside, or dropped as Celery does. */
  unknownTask: option({
    default: 'quarantine',
    env: 'TWQ_UNKNOWN_TASK',
    parser: oneOf('quarantine', 'discard'),
    doc: 'what happens to the message of an unregistered task: `quarantine` moves it to `<queue>.quarantine`, `discard` drops it as Celery does',
  }),
  /** The address that serves probes and metrics over HTTP: `'127.0.0.1:9808'`, or `':9808'` for every address of the machine. */
  health: option({
    derived: 'none',
    env: 'TWQ_HEALTH',
    flag: { long: '--health', placeholder: '<address>', of: 'worker' },
    parser: text("an address like '127.0.0.1:9808' or ':9808'", parseAddress),
    doc: 'the address that serves probes and metrics over HTTP: `/livez`, `/readyz`, `/startupz`, `/metrics`, `/info`',
  }),
  /** The file that keeps revoked task ids across restarts. */
  statedb: option({
    derived: 'none',
    env: 'TWQ_STATEDB',
    flag: { short: '-S', long: '--statedb', placeholder: '<path>', of: 'worker' },
    parser: text('a path', (path) => (path === '' ? undefined : path)),
    doc: 'the file that keeps revoked task ids across restarts, relative to the configuration file',
  }),
  /** The rate limit of each task in this worker, unless the task has its own: `'10/s'`, `'100/m'`, `'5/h'`. */
  rateLimit: option({
    default: 0,
    env: 'TWQ_RATE_LIMIT',
    parser: { expected: "a rate like '10/s', '100/m' or '5/h', or 0", fromValue: parseRate, fromText: parseRate },
    doc: 'the rate limit of each task in this worker, unless the task has its own; `0` is no limit',
  }),
  /** How many times a task that kills its worker is started before its message is quarantined. */
  maxStarts: option({
    default: 3,
    env: 'TWQ_MAX_STARTS',
    parser: wholeNumber(2, 100, 'a whole number from 2 to 100'),
    doc: 'how many times a task that kills its worker is started before its message goes to `<queue>.quarantine`',
  }),
  /** The largest message body that the worker accepts, in bytes, before and after decompression. */
  maxBodySize: option({
    default: 16 * 1024 * 1024,
    env: 'TWQ_MAX_BODY_SIZE',
    parser: wholeNumber(1, 2 ** 31, 'a number of bytes, at least 1'),
    doc: 'the largest message body that the worker accepts, in bytes, before and after decompression',
  }),
  /** The largest result that a task may return, or state that it may report, in bytes of JSON. */
  maxResultSize: option({
    default: 16 * 1024 * 1024,
    env: 'TWQ_MAX_RESULT_SIZE',
    parser: wholeNumber(1, 2 ** 31, 'a number of bytes, at least 1'),
    doc: 'the largest result that a task may return, or state that it may report, in bytes of JSON; a task with a larger result fails',
  }),
  /** Which state-changing commands remote control accepts: all, none (`read`), or those named; `{ allow, commands }` adds commands of your own. */
  control: option({
    default: 'all',
    env: 'TWQ_CONTROL',
    parser: controlPolicy(),
    doc: 'the state-changing commands that remote control accepts: `all`, none (`read`), or a list like `revoke,rate_limit`',
  }),
  /** Whether remote control may replace the threads or processes of the pool; Celery's `worker_pool_restarts`. */
  poolRestarts: option({
    default: false,
    env: 'TWQ_POOL_RESTARTS',
    parser: yesOrNo(),
    doc: 'whether `pool_restart` may replace the threads or processes of the pool',
  }),
  /** How long a worker takes to stop. */
  shutdown: {
    /** How long running tasks may continue after the first signal. */
    grace: option({
      default: '20s',
      env: 'TWQ_SHUTDOWN_GRACE',
      flag: { long: '--shutdown-timeout', placeholder: '<duration>', of: 'worker' },
      parser: duration(),
      doc: 'how long running tasks may continue after the first signal to stop',
    }),
    /** How long they then have to stop, once `ctx.signal` has aborted. */
    abort: option({
      default: '5s',
      env: 'TWQ_SHUTDOWN_ABORT',
      flag: { long: '--abort-timeout', placeholder: '<duration>', of: 'worker' },
      parser: duration(),
      doc: 'how long they then have to stop, once `ctx.signal` has aborted',
    }),
  },
}

/** The problems that `nodePattern` finds in a name without blanks: its length, for instance. */
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
