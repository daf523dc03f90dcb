import type { QueueSettings } from '../protocol/queue/queue-settings.ts'
import type { Routes } from '../protocol/queue/routes.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import type { Address } from '../runtime/address.ts'
import type { AnyTask } from '../tasks/task.ts'

/** What a user writes in worker.config.ts; everything is optional. Durations are milliseconds or texts like `'20s'`. */
export interface UserConfig {
  /** AMQP URL by Celery's habits: a path of `//` is the virtual host `/`. */
  readonly broker?: string
  /** `'rpc://'` sends results to the caller's reply queue; `'redis://…'` keeps them in a Redis; `'none'` sends none. */
  readonly resultBackend?: string
  /** How long a Redis keeps results; 0 keeps them for ever. Celery's `result_expires`. */
  readonly resultExpires?: number | string
  /** Whether results in a Redis also say what was run, and where. Celery's `result_extended`. */
  readonly resultExtended?: boolean
  /** What the names of results in a Redis begin with. Celery's `global_keyprefix`. */
  readonly resultKeyPrefix?: string
  /** How long a result is tried to be stored before its task's message is given back. */
  readonly resultPatience?: number | string
  /** Task modules: paths or globs relative to the configuration file; or tasks themselves. */
  readonly tasks?: readonly (string | AnyTask)[]
  /** The queues to consume: names, or settings. What the broker has otherwise than a setting says is an error at the start. */
  readonly queues?: readonly (string | QueueSettings)[]
  /** Queues not to consume after all; their settings still hold for what is sent to them. */
  readonly excludeQueues?: readonly string[]
  /** Where tasks go that are sent from here and name no queue: by name, by glob, or by a function. */
  readonly routes?: Routes
  /** The priority of tasks that nobody gives one; needs queues with `maxPriority`. */
  readonly defaultPriority?: number
  /** What follows a task, or is sent by it, gets the priority of that task; Celery's `task_inherit_parent_priority`. Default false. */
  readonly inheritPriority?: boolean
  /**
   * Which task queues a message may have the worker declare that neither the configuration nor routes nor tasks name: `any`,
   * at most 16 a message, or none (`configured`); Celery's `task_create_missing_queues`. Default `any`.
   */
  readonly queueCreation?: 'any' | 'configured'
  /**
   * Where tasks run: on the worker's event loop (`async`), one at a time there (`solo`), in worker threads or in child
   * processes.
   */
  readonly pool?: 'async' | 'threads' | 'processes' | 'solo'
  /** How many tasks run at once. */
  readonly concurrency?: number
  /** Between how many the pool grows and shrinks by itself, instead of `concurrency`; as text `'max,min'`. */
  readonly autoscale?: string | { readonly max: number; readonly min?: number }
  /** A thread or process is replaced after this many tasks. */
  readonly maxTasksPerChild?: number
  /** A thread or process that holds more is replaced: bytes, or a text like `'200MB'`. */
  readonly maxMemoryPerChild?: number | string
  /** When a message is acknowledged: once its result is safe (`late`), or when its task starts (`early`, as Celery). */
  readonly acks?: 'late' | 'early'
  /** How long a task may run at most, unless it or its message says otherwise; Celery's `task_time_limit`. */
  readonly timeLimit?: number | string
  /** When the signal of a running task aborts, unless it or its message says otherwise. */
  readonly softTimeLimit?: number | string
  /** Whether the message of a failed task is acknowledged, or set aside. */
  readonly ackOnFailure?: boolean
  /** Whether the message of a task that ran into its hard limit is acknowledged, or goes back to its queue. */
  readonly ackOnTimeout?: boolean
  /** Whether the message goes back to its queue when whatever ran its task died. */
  readonly rejectOnLost?: boolean
  /** How many messages to take ahead; without it `concurrency × prefetchMultiplier`. */
  readonly prefetch?: number
  readonly prefetchMultiplier?: number
  /** Node name; `%h` host, `%n` its first label, `%d` its domain. */
  readonly nodeName?: string
  /** AMQP heartbeat. A dead connection is noticed within two of these. */
  readonly heartbeat?: number | string
  /** Tell monitors of each task; Celery's `-E`. */
  readonly events?: boolean
  /** Tell monitors that the worker is there. */
  readonly workerEvents?: boolean
  /** How often to tell them. */
  readonly eventHeartbeat?: number | string
  /** What happens to a message whose task nobody registered: set aside, or dropped as Celery does. */
  readonly unknownTask?: 'quarantine' | 'discard'
  /** Where to answer probes and Prometheus over HTTP: `'127.0.0.1:9808'`, or `':9808'` for every address of the machine. */
  readonly health?: string
  /** The file in which revocations outlive the worker. */
  readonly statedb?: string
  /** How often tasks of one name may start, unless they say it themselves: `'10/s'`, `'100/m'`, `'5/h'`. */
  readonly rateLimit?: string | number
  /** How many times a task that kills its worker is started before its message is quarantined. */
  readonly maxStarts?: number
  /** The largest message body taken, in bytes, before and after decompression. */
  readonly maxBodySize?: number
  readonly maxResultSize?: number
  /** Which state-changing commands remote control may give: all, none (`read`), or those named. */
  readonly control?: 'all' | 'read' | readonly string[]
  /** Whether remote control may replace the threads or processes of the pool; Celery's `worker_pool_restarts`. */
  readonly poolRestarts?: boolean
  readonly shutdown?: {
    /** How long running tasks may go on after the first signal. */
    readonly grace?: number | string
    /** How long they get to stop once their signals are aborted. */
    readonly abort?: number | string
  }
  /** RabbitMQ's management API, like `http://localhost:15672`; user and password are the broker's unless it has its own. */
  readonly management?: string
  /** How long a client's `send` waits for the broker's confirm. */
  readonly publishTimeout?: number | string
  /** Whether tasks may wait in Celery's native delayed delivery, and when it is declared: when it is needed, or at the start. */
  readonly delayedDelivery?: 'auto' | 'always' | 'never'
  /** What the queues of native delayed delivery are; Celery's `broker_native_delayed_delivery_queue_type`. */
  readonly delayedQueueType?: 'quorum' | 'classic'
  /** No task is held in the worker longer: it waits with the broker. */
  readonly holdFor?: number | string
  /** How many tasks are held in the worker at most. */
  readonly maxHeld?: number
  /** How many bytes of them: a number, or a text like `'64MB'`. */
  readonly maxHeldSize?: number | string
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  readonly logFormat?: 'auto' | 'json' | 'pretty'
}

/** The configuration in force: total, in milliseconds, frozen. */
export interface Config {
  readonly broker: string
  /** `'rpc'`, `'none'`, or the URL of a Redis. */
  readonly resultBackend: string
  readonly resultExpires: number
  readonly resultExtended: boolean
  readonly resultKeyPrefix: string
  readonly resultPatience: number
  readonly tasks: readonly (string | AnyTask)[]
  /** Those to consume, at least one. */
  readonly queues: readonly TaskQueue[]
  /** Resolved: all that anything is known of, whether or not this worker consumes them. */
  readonly knownQueues: readonly TaskQueue[]
  /** Resolved: the first of those to consume, for tasks that nothing sends elsewhere. */
  readonly defaultQueue: string
  readonly routes: Routes | undefined
  readonly defaultPriority: number | undefined
  readonly inheritPriority: boolean
  readonly queueCreation: 'any' | 'configured'
  readonly pool: 'async' | 'threads' | 'processes' | 'solo'
  /** Resolved: never undefined. With `autoscale` how many at first. */
  readonly concurrency: number
  readonly autoscale: { readonly max: number; readonly min: number } | undefined
  readonly maxTasksPerChild: number | undefined
  /** In bytes. */
  readonly maxMemoryPerChild: number | undefined
  readonly acks: 'late' | 'early'
  readonly timeLimit: number | undefined
  readonly softTimeLimit: number | undefined
  readonly ackOnFailure: boolean
  readonly ackOnTimeout: boolean
  readonly rejectOnLost: boolean
  /** Resolved: never undefined. */
  readonly prefetch: number
  readonly prefetchMultiplier: number
  /** Resolved: `twq@host`. */
  readonly nodeName: string
  readonly heartbeat: number
  readonly events: boolean
  readonly workerEvents: boolean
  readonly eventHeartbeat: number
  readonly unknownTask: 'quarantine' | 'discard'
  readonly health: Address | undefined
  /** Resolved: absolute. */
  readonly statedb: string | undefined
  /** Resolved: how many a second; 0 is no limit. */
  readonly rateLimit: number
  readonly maxStarts: number
  readonly maxBodySize: number
  readonly maxResultSize: number
  readonly control: 'all' | 'read' | readonly string[]
  readonly poolRestarts: boolean
  readonly shutdown: { readonly grace: number; readonly abort: number }
  readonly management: string | undefined
  readonly publishTimeout: number
  readonly delayedDelivery: 'auto' | 'always' | 'never'
  readonly delayedQueueType: 'quorum' | 'classic'
  readonly holdFor: number
  readonly maxHeld: number
  /** In bytes. */
  readonly maxHeldSize: number
  readonly logLevel: NonNullable<UserConfig['logLevel']>
  readonly logFormat: NonNullable<UserConfig['logFormat']>
  /** The folder that relative task paths start from. */
  readonly baseDir: string
}
