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
 * Sends tasks to Celery workers, Python's and ours, and reads their results. Connects on the first `send`, and from then
 * on keeps the process alive until it is closed.
 */
export interface Client extends AsyncDisposable {
  /**
   * Resolves once the broker has the message safe. Rejects with `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` before anything is
   * sent, with `TWQ_PUBLISH_UNROUTABLE` or `TWQ_PUBLISH_REFUSED` when the broker did not take it, with
   * `TWQ_BROKER_UNREACHABLE`, `TWQ_PUBLISH_TIMEOUT` or the signal's reason when it is not known whether the broker has it. Beyond 10,000 messages or 16 MiB
   * on the way it waits for room, in turn and within `publishTimeout`; a larger message goes alone. Each window of 1,000 messages
   * or 8 MiB of a workflow has the whole of that time.
   */
  readonly send: Send
  /**
   * Sends a task once for each arguments of an iterable, async or not: a million in one call, in order and in bounded memory, as fast as the
   * broker confirms. Gives a handle for each, in order: `for await (const { id } of client.sendMany(add, rows))`; or
   * `await client.sendMany(add, rows).confirmed()`, where none is needed. Nothing is sent before it is read. The first that fails ends
   * it, with a `SendManyError` that tells how many were confirmed. With `'rpc'` the client follows 100,000 results at most: give
   * `ignoreResult` where they are not read. Throws `TWQ_ARGUMENTS` for a `taskId`, which can't be that of many.
   */
  sendMany<T extends Sendable | string>(
    target: T | NameOf<T>,
    calls: Iterable<ArgumentsOf<T>> | AsyncIterable<ArgumentsOf<T>>,
    options?: Omit<SendOptions, 'taskId'>,
  ): SentMany<SentHandle<T>>
  /** The message that `send` would publish now, and where. */
  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing
  /**
   * A task by its id: with a Redis any task, and with `'rpc'` the tasks that this client sent. Throws
   * `TWQ_RESULT_UNAVAILABLE`, with the reason, for others.
   */
  result<Result = unknown>(taskId: string): StoredHandle<Result>
  /** The same, with the result's type from the task's definition. */
  result<T extends Sendable>(task: T, taskId: string): StoredHandle<ResultOf<T>>
  /**
   * Tells all workers not to run these tasks, and with `terminate` to end running ones: Celery's `app.control.revoke`. Resolves once
   * the broker has the request; rejects with `TWQ_NO_WORKER` where no worker would hear it.
   */
  revoke(taskIds: string | readonly string[], options?: RevokeOptions): Promise<void>
  /**
   * Asks all workers, Python's and ours, or those of `destination`: `const { workers } = await client.inspect().active()`. Celery's
   * `app.control.inspect()`, with its answers as types.
   */
  inspect(options?: InspectOptions): Inspector
  /** Drops the result of a task from where it is kept. */
  forget(taskId: string): Promise<void>
  /**
   * Keeps a group in the Redis of the results, as Python's `GroupResult.save()`: a client with its id can restore it, here or in
   * Python. Rejects with `TWQ_RESULT_UNAVAILABLE` where results are kept nowhere.
   */
  saveGroup(group: GroupHandle): Promise<void>
  /** A saved group, or undefined: Python's `GroupResult.restore(id)`. */
  restoreGroup(groupId: string): Promise<GroupHandle | undefined>
  /** Drops a saved group: Python's `GroupResult.delete()`. The results of its members stay. */
  deleteGroup(groupId: string): Promise<void>
  /**
   * The events of all workers, Python's and ours, as they come: `for await (const event of client.events({ signal }))`.
   * Worker events always come; task events from workers that send them, or with `enableTaskEvents` from all.
   */
  events(options?: EventOptions): EventStream
  /** The schedules that the workers share, those of their configuration and those that are set at run time (docs/schedules.md). */
  readonly schedules: ScheduleClient
  /** The tasks that failed for good: to be listed, run again, edited or dropped (docs/failed-tasks.md). */
  readonly failed: FailedTasks
  /** Waits for the sends under way, then closes the connection. Results that were not read are lost. */
  close(): Promise<void>
}

/** How a client reaches the broker, and what it does when nothing else is said. Durations are milliseconds or `'10s'`. */
export interface ClientOptions {
  /**
   * AMQP URL by Celery's habits: a path of `//` is the virtual host `/`. Left out, it is what the commands take: `TWQ_BROKER`, else
   * `CELERY_BROKER_URL`, else `amqp://guest:guest@localhost:5672//`.
   */
  readonly broker?: string | undefined
  /**
   * `'rpc'`, the default, has results sent back to this client; a URL like `'redis://:password@host:6379/0'` has them read
   * from the Redis where the workers keep them; with `'none'` they are not read. A backend of your own is given as an object.
   */
  readonly resultBackend?: string | ResultBackendDefinition
  /** The prefix of result keys in a Redis: Celery's `global_keyprefix`. */
  readonly resultKeyPrefix?: string
  /** The queue of what neither the caller, nor the task, nor a route sends elsewhere. Default `celery`. */
  readonly queue?: string
  /** The settings that queues are declared with; other queues are declared by their name alone. */
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
   * A task that is due later than this from now is left to Celery's native delayed delivery, where that can be declared, and
   * so is every delayed task of a quorum queue; no worker has to hold it. `null`: none is. Default 10 min.
   */
  readonly holdFor?: number | string | null
  /** The type of the queues of native delayed delivery. Default `quorum`, as Celery's. */
  readonly delayedQueueType?: 'quorum' | 'classic'
  /** The namespace of the workers whose schedules `client.schedules` means. Default `'default'`. */
  readonly schedulesNamespace?: string
  /** Around each send: of these plugins a client calls `aroundSend`, and nothing else. */
  readonly plugins?: readonly Plugin[]
  /** Logs lost connections; without a logger they are not reported. */
  readonly logger?: Logger
}
