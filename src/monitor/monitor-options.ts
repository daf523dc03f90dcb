import { TwqError } from '../errors.ts'
import type { Logger } from '../runtime/log/logger.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import type { CheckableTask } from '../tasks/validate-call.ts'
import type { HiddenPart } from './answers/tasks.ts'
import type { Authorize } from './auth/given-access.ts'
import type { Hide } from './store/describe-task.ts'

/** Which broker a monitor watches, who may see it, and what they may do. */
export interface MonitorOptions {
  /**
   * Identifies the visitor: a name for the audit, and their rights, `view` if none are given. Undefined for a visitor without
   * access. Called for every request.
   */
  readonly authorize: Authorize
  /** AMQP URL of the broker; without it `TWQ_BROKER` or `CELERY_BROKER_URL`, as for `createClient`. */
  readonly broker?: string | undefined
  /** The AMQP heartbeat. Default 10 s. */
  readonly heartbeat?: number | string
  /**
   * Where results are stored, such as `redis://…`: they are then shown in full. Default none: only the events' texts are shown.
   */
  readonly resultBackend?: string
  /** The prefix of result keys in a Redis. */
  readonly resultKeyPrefix?: string
  /** The namespace of the schedules to show. */
  readonly schedulesNamespace?: string
  /** Queues that are shown even if no worker consumes them. Default `celery`. */
  readonly queues?: readonly string[]
  /** URL of RabbitMQ's management API, for rates and unacknowledged messages of queues. */
  readonly management?: string | undefined
  /** The base path: `'/twq'`. Default `''`, the root. */
  readonly basePath?: string
  /**
   * Host names under which the monitor is reached, besides addresses and `localhost`: `'monitor.example.com'`. Other names are
   * refused.
   */
  readonly hosts?: readonly string[]
  /** Allows visitors to use their rights to retry, edit and schedule; without it only `view` is available. */
  readonly allowControl?: boolean
  /** Makes workers that were started without task events send them. */
  readonly enableTaskEvents?: boolean
  /** What is hidden from every visitor and can't be searched: for all tasks, or by task. */
  readonly hide?: readonly HiddenPart[] | Hide
  /** The tasks whose edited arguments are checked; those of unknown tasks are not. */
  readonly tasks?: readonly CheckableTask[]
  /**
   * A file in which tasks are stored for 30 days, used by this process only; requires the package `libsql`. Default none: the
   * data in memory is lost when the process ends.
   */
  readonly store?: string | undefined
  /** Logs actions of visitors, and errors. */
  readonly logger?: Logger
}

type Checkable = Pick<MonitorOptions, 'hide' | 'basePath' | 'hosts' | 'queues' | 'store'>

const PARTS: readonly HiddenPart[] = ['args', 'results', 'errors']

/** The options that usually contain the mistake. Throws `TWQ_CONFIG`. */
export function checked({ hide = [], basePath = '', hosts = [], queues = ['celery'], store }: Checkable) {
  if (store !== undefined && (typeof store !== 'string' || store === '')) {
    throw new TwqError('TWQ_CONFIG', `store must be the path of a file, got ${shownValue(store)}`)
  }
  if (typeof basePath !== 'string' || !/^(\/[\w.~-]{1,50}){0,5}$/.test(basePath)) {
    throw new TwqError('TWQ_CONFIG', `basePath must be a path like '/twq', got ${shownValue(basePath)}`)
  }
  if (typeof hide === 'function') return { hide: orAll(hide), hidden: [], basePath, hosts, queues, store }
  const unknown = Array.isArray(hide) ? hide.find((part) => !PARTS.includes(part)) : hide
  if (unknown !== undefined) {
    throw new TwqError('TWQ_CONFIG', `hide must name ${PARTS.join(', ')}, got ${shownValue(unknown)}`)
  }
  return { hide: () => hide, hidden: hide, basePath, hosts, queues, store }
}

/** The parts that a function hides; everything if it throws, or its answer is invalid. */
function orAll(hide: Hide): Hide {
  return (task) => {
    try {
      const parts: unknown = hide(task)
      return Array.isArray(parts) ? parts : PARTS
    } catch {
      return PARTS
    }
  }
}
