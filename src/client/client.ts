import type { EventOptions, EventStream } from '../events/receiver.ts'
import type { QueueSettings } from '../protocol/queue/queue-settings.ts'
import type { Routes } from '../protocol/queue/routes.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { ResultBackendDefinition } from '../results/definition.ts'
import type { Logger } from '../runtime/log/logger.ts'
import type { ScheduleClient } from '../schedules/schedule-client.ts'
import type { SentMany } from '../sending/send-many.ts'
import type { StoredHandle } from '../sending/task-handle.ts'
import type { Plugin } from '../tasks/plugin.ts'
import type {
  AnyArguments,
  ArgumentsOf,
  GroupHandle,
  NameOf,
  ResultOf,
  RevokeOptions,
  Send,
  Sendable,
  SendOptions,
  SentHandle,
} from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { FailedTasks } from './failed-tasks.ts'
import type { InspectOptions, Inspector } from './inspector.ts'

/**
 * Sends tasks to Celery workers, Python's and ours, and reads their results. Connects on the first `send`, and then keeps the
 * process alive until it is closed.
 */
export interface Client extends AsyncDisposable {
  /**
   * Resolves once the broker has stored the message. Rejects with `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` before anything is
   * sent, with `TWQ_PUBLISH_UNROUTABLE` or `TWQ_PUBLISH_REFUSED` if the broker refused it, with `TWQ_BROKER_UNREACHABLE`,
   * `TWQ_PUBLISH_TIMEOUT` or the signal's reason if it is unknown whether the broker has it. Above 10,000 unconfirmed messages or
   * 16 MiB it waits for room, in order and within `publishTimeout`; a larger message is sent alone. Each window of 1,000 messages
   * or 8 MiB of a workflow has that time for itself.
   */
  readonly send: Send
  /**
   * Sends a task once for each element of a sync or async iterable: a million in one call, in order and in bounded memory, as
   * fast as the broker confirms. Yields a handle for each, in order: `for await (const { id } of client.sendMany(add, rows))`; or
   * `await client.sendMany(add, rows).confirmed()`, if no handles are needed. Nothing is sent before it is read. The first
   * failure ends it with a `SendManyError` that says how many were confirmed. With `'rpc'` the client follows at most 100,000
   * results: set `ignoreResult` if they are not read. Throws `TWQ_ARGUMENTS` for a `taskId`, since it would be the same for all.
   */
  sendMany<T extends Sendable | string>(
    target: T | NameOf<T>,
    calls: Iterable<ArgumentsOf<T>> | AsyncIterable<ArgumentsOf<T>>,
    options?: Omit<SendOptions, 'taskId'>,
  ): SentMany<SentHandle<T>>
  /** The message that `send` would publish now, and its destination. */
  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing
  /**
   * A task by its id: with a Redis any task, and with `'rpc'` the tasks that this client sent. Throws
   * `TWQ_RESULT_UNAVAILABLE`, with the reason, for others.
   */
  result<Result = unknown>(taskId: string): StoredHandle<Result>
  /** The same, with the result's type from the task's definition. */
  result<T extends Sendable>(task: T, taskId: string): StoredHandle<ResultOf<T>>
  /**
   * Tells all workers not to run these tasks, and with `terminate` to end running ones: Celery's `app.control.revoke`. Resolves
   * once the broker has the request; rejects with `TWQ_NO_WORKER` if no worker would receive it.
   */
  revoke(taskIds: string | readonly string[], options?: RevokeOptions): Promise<void>
  /**
   * Asks all workers, Python's and ours, or those of `destination`: `const { workers } = await client.inspect().active()`. Celery's
   * `app.control.inspect()`, with its answers as types.
   */
  inspect(options?: InspectOptions): Inspector
  /** Deletes the stored result of a task. */
  forget(taskId: string): Promise<void>
  /**
   * Stores a group in the Redis of the results, like Python's `GroupResult.save()`: a client with its id can restore it, here or
   * in Python. Rejects with `TWQ_RESULT_UNAVAILABLE` if results are not stored.
   */
  saveGroup(group: GroupHandle): Promise<void>
  /** A saved group, or undefined: Python's `GroupResult.restore(id)`. */
  restoreGroup(groupId: string): Promise<GroupHandle | undefined>
  /** Deletes a saved group: Python's `GroupResult.delete()`. The results of its members stay. */
  deleteGroup(groupId: string): Promise<void>
  /**
   * The events of all workers, Python's and ours, as they arrive: `for await (const event of client.events({ signal }))`. Worker
   * events always arrive; task events only from workers that send them, or with `enableTaskEvents` from all.
   */
  events(options?: EventOptions): EventStream
  /** The schedules that the workers share: those of their configuration and those set at run time (docs/schedules.md). */
  readonly schedules: ScheduleClient
  /** The tasks that failed permanently: list, run again, edit or delete them (docs/failed-tasks.md). */
  readonly failed: FailedTasks
  /** Waits for the sends in progress, then closes the connection. Results that were not read are lost. */
  close(): Promise<void>
}

/** How a client reaches the broker, and its defaults. Durations are milliseconds or `'10s'`. */
export interface ClientOptions {
  /**
   * The AMQP URL in Celery's format: a path of `//` is the virtual host `/`. By default the same as for the commands:
   * `TWQ_BROKER`, else `CELERY_BROKER_URL`, else `amqp://guest:guest@localhost:5672//`.
   */
  readonly broker?: string | undefined
  /**
   * `'rpc'`, the default: results are sent back to this client. A URL like `'redis://:password@host:6379/0'`: they are read from
   * the Redis in which the workers store them. `'none'`: they are not read. A custom backend is given as an object.
   */
  readonly resultBackend?: string | ResultBackendDefinition
  /** The prefix of result keys in a Redis: Celery's `global_keyprefix`. */
  readonly resultKeyPrefix?: string
  /** The queue for tasks that neither the caller, nor the task, nor a route sends elsewhere. Default `celery`. */
  readonly queue?: string
  /** The settings with which queues are declared; other queues are declared by their name alone. */
  readonly queues?: readonly (string | QueueSettings)[]
  /** Where tasks go that name no queue: by name, by glob, or by a function. */
  readonly routes?: Routes | undefined
  /** The priority of tasks that have none of their own. */
  readonly priority?: number | undefined
  /** How long one `send` may take until the broker's confirm, or the result of its task. Default 10 s. */
  readonly publishTimeout?: number | string
  /** AMQP heartbeat. Default 10 s. */
  readonly heartbeat?: number | string
  /**
   * A task that is due later than this is left to Celery's native delayed delivery, if that can be declared, and so is every
   * delayed task of a quorum queue; no worker has to hold it. `null` disables it. Default 10 min.
   */
  readonly holdFor?: number | string | null
  /** The type of the queues of native delayed delivery. Default `quorum`, as in Celery. */
  readonly delayedQueueType?: 'quorum' | 'classic'
  /** The namespace of the workers' schedules for `client.schedules`. Default `'default'`. */
  readonly schedulesNamespace?: string
  /** Plugins around each send: a client calls only their `aroundSend`. */
  readonly plugins?: readonly Plugin[]
  /** Logs lost connections; without a logger they are not reported. */
  readonly logger?: Logger
}
