import { TwqError } from '../errors.ts'
import type { Logger } from '../runtime/log/logger.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import type { CheckableTask } from '../tasks/validate-call.ts'
import type { HiddenPart } from './answers/tasks.ts'
import type { Authorize } from './auth/given-access.ts'
import type { Hide } from './store/describe-task.ts'

/** What a monitor watches, who may see it, and what they may do. */
export interface MonitorOptions {
  /**
   * Says who asks: a name for the audit, and their rights, `view` where none are given. Undefined for those who may not look. It is
   * asked at every request.
   */
  readonly authorize: Authorize
  /** AMQP URL of the broker; without it `TWQ_BROKER` or `CELERY_BROKER_URL`, as for `createClient`. */
  readonly broker?: string | undefined
  /** AMQP heartbeat. Default 10 s. */
  readonly heartbeat?: number | string
  /** Where results are kept, as `redis://…`: they are shown whole from there. Default none: only the events' texts are shown. */
  readonly resultBackend?: string
  /** The prefix of result keys in a Redis. */
  readonly resultKeyPrefix?: string
  /** The namespace of the schedules that are shown. */
  readonly schedulesNamespace?: string
  /** Queues that are shown also while no worker consumes them. Default `celery`. */
  readonly queues?: readonly string[]
  /** URL of RabbitMQ's management API, for rates and unacknowledged messages of queues. */
  readonly management?: string | undefined
  /** Where the page begins: `'/twq'`. Default `''`, the root. */
  readonly basePath?: string
  /** Names that the monitor is reached by, besides addresses and `localhost`: `'monitor.example.com'`. Other names are refused. */
  readonly hosts?: readonly string[]
  /** Lets visitors use their rights to retry, edit and schedule; without it there is only `view`. */
  readonly allowControl?: boolean
  /** Has workers send task events that were started without them. */
  readonly enableTaskEvents?: boolean
  /** What is shown to no visitor, and can't be searched: of all tasks, or by task. */
  readonly hide?: readonly HiddenPart[] | Hide
  /** The tasks whose arguments are checked where they are edited; those that the monitor does not know are not. */
  readonly tasks?: readonly CheckableTask[]
  /** A file that tasks are kept in for 30 days, of a process of its own; it takes the package `libsql`. Default none: what is in memory ends with the process. */
  readonly store?: string | undefined
  /** Logs what visitors do, and what fails. */
  readonly logger?: Logger
}

type Checkable = Pick<MonitorOptions, 'hide' | 'basePath' | 'hosts' | 'queues' | 'store'>

const PARTS: readonly HiddenPart[] = ['args', 'results', 'errors']

/** The options of which something is wrong as a rule. Throws `TWQ_CONFIG`. */
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

/** What a function says is hidden; everything where it throws, or its answer is invalid. */
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
