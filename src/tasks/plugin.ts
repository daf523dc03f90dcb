import type { RemoteError } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { TaskContext } from './context.ts'
import type { AnyArguments, SendOptions } from './sending.ts'
import type { TaskLogger } from './task-logger.ts'

/** Code around attempts and sends, and observers of a worker, for what every task needs. All hooks are optional. */
export interface Plugin {
  /** Shown in messages, logs and `twq doctor`. */
  readonly name: string
  /**
   * Called once in each process or thread that runs tasks, and in the worker, before the first task. If it throws, or takes
   * longer than `startTimeout`, the worker ends with status 78; in a thread or process of a pool started later as a replacement,
   * only that one ends. The returned function is called at the stop, within `shutdown.grace`.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a method that returns nothing is meant
  start?(host: PluginHost): void | Stop | Promise<void | Stop>
  /**
   * Asked before each attempt and each send that has a hook: if it returns false, `aroundAttempt` and `aroundSend` of this plugin
   * are skipped at no cost. If left out, they are always called. Must be synchronous.
   */
  active?(): boolean
  /**
   * Called around each attempt, where the task's code runs; the first plugin is the outermost. `next` runs the plugins after this
   * one and the task, once. The return value is the attempt's result, and a thrown value its outcome.
   */
  aroundAttempt?(attempt: PluginAttempt, next: () => Promise<unknown>): Promise<unknown>
  /**
   * Called around each send, where the message is built: in a client, where a task calls `ctx.send`, and in the worker for
   * retries and follow-ups. Throwing fails the send, and so does taking longer than `publishTimeout` before `next` or after it.
   */
  aroundSend?(send: PluginSend, next: () => Promise<Sent>): Promise<Sent>
  /**
   * Called for events in the worker. Errors thrown by an observer are logged, at most once a minute, and have no other effect.
   */
  readonly on?: PluginObservers
}

/** Called when the process, thread or worker that called `start` ends. */
export type Stop = () => void | Promise<void>

/** Where a plugin starts. */
export interface PluginHost {
  /** `worker`: the process that consumes; `member`: a thread or process of its pool. */
  readonly role: 'worker' | 'member'
  /** The node name of the worker. */
  readonly node: string
  /** The kind of its pool: `async`, `solo`, `threads` or `processes`. */
  readonly pool: string
  /** Writes to the worker's log, with the name of the plugin. */
  readonly logger: TaskLogger
}

/** One attempt, as the plugins around it see it. */
export interface PluginAttempt {
  /** The name of the task. */
  readonly task: string
  readonly id: string
  /** The message: retries, custom headers, parent, root and group, eta. */
  readonly message: TaskMessage
  /** The queue that the message was consumed from. */
  readonly queue: string
  /** The node name of the worker. */
  readonly node: string
  /** The positional arguments; if assigned before `next()`, they apply to this attempt, not to a retry. */
  args: readonly Json[]
  /** The keyword arguments, likewise. */
  kwargs: JsonObject
  /** The context that the task gets. */
  readonly context: TaskContext
  /** Aborts when the attempt should stop. */
  readonly signal: AbortSignal
  /**
   * Texts for `aroundSend` of the retry and follow-ups that the worker sends for this attempt. At most 16 KiB; lost if the
   * attempt is killed (a hard time limit, a lost process).
   */
  readonly passOn: Record<string, string>
  /** Adds fields to each later line that the task writes with `context.log`, for example trace ids. */
  addLogFields(fields: Readonly<Record<string, unknown>>): void
  /** How the attempt ends if this value is thrown out of the outermost plugin. */
  outcomeOf(error: unknown): AttemptEnd
}

/**
 * How an attempt ends that throws: `retry` by its policy or `ctx.retry()`; `rejected`, `ignored` and `replaced` by the values
 * that the task throws for them; `interrupted` by a shutdown, to run again elsewhere; otherwise `failed`.
 */
export type AttemptEnd = 'retry' | 'rejected' | 'ignored' | 'replaced' | 'interrupted' | 'failed'

/**
 * The reason for a send: a `task` or a `canvas` by `send`; a `schedule` by the worker that leads `schedules`; by the worker a
 * `retry`, a `callback` (also the next step of a chain), an `errback`, a `chord-body`, a `replacement` of a task, or a `member`
 * of a group or chord that `ctx.addToChord` or one of Celery's built-in tasks sends.
 */
export type SendKind =
  | 'task'
  | 'canvas'
  | 'schedule'
  | 'retry'
  | 'callback'
  | 'errback'
  | 'chord-body'
  | 'member'
  | 'replacement'

/** One send, as the plugins around it see it. */
export interface PluginSend {
  readonly kind: SendKind
  /**
   * The name of the task; for a canvas the name of its signature: `celery.chain`, `celery.group`, `celery.chord`, or a task's.
   */
  readonly task: string
  /** The id that the task will have; undefined for a canvas without a given id. */
  readonly id: string | undefined
  /**
   * The arguments of `send`, or of the schedule; undefined for a canvas, and for messages that the worker sends because of
   * another task.
   */
  readonly args: AnyArguments | undefined
  /**
   * Custom headers to set or replace, initially those from the options of `send`; those of a canvas are set on each message that
   * starts it.
   */
  readonly headers: Record<string, Json>
  /**
   * For a `task`, a `canvas` or a `schedule`: the options of the send, which may be changed. For messages that follow a task: the
   * queue, which can't be changed.
   */
  readonly options: Changeable<Omit<SendOptions, 'headers' | 'taskId' | 'signal'>>
  /** The message of the task that sends, or that this message follows. */
  readonly parent: TaskMessage | undefined
  /** The texts passed on by the previous attempt; empty if there were none. */
  readonly passOn: Readonly<Record<string, string>>
}

type Changeable<Options> = { -readonly [Option in keyof Options]: Options[Option] }

/** A message that the broker has confirmed. */
export interface Sent {
  readonly id: string
}

/** A task that the worker holds. */
export interface TaskMoment {
  readonly task: string
  readonly id: string
  readonly queue: string
  readonly message: TaskMessage
}

/** Why a task failed. */
export interface TaskFailure {
  readonly error: RemoteError
  /**
   * `threw`: by its code or its arguments; `timed-out`: by its hard time limit; `lost`: its process died; `interrupted`: the
   * worker shut down.
   */
  readonly how: 'threw' | 'timed-out' | 'lost' | 'interrupted'
  /** When its code started, in milliseconds since the epoch; undefined if it did not. */
  readonly startedAt: number | undefined
}

/** The events of a worker that plugins can observe, all in the worker's own process. */
export interface PluginObservers {
  /** The worker received a message that it can run. */
  received?(moment: TaskMoment): unknown
  /** The code of a task is about to start. */
  started?(moment: TaskMoment & { readonly pid: number }): unknown
  /** The result of an attempt is stored; `runtime` in milliseconds. */
  succeeded?(moment: TaskMoment & { readonly result: Json; readonly runtime: number }): unknown
  /** A task failed. */
  failed?(moment: TaskMoment & TaskFailure): unknown
  /** A task will run again, `at` milliseconds since the epoch. */
  retried?(moment: TaskMoment & { readonly at: number; readonly error: RemoteError | null }): unknown
  /** A task was revoked, expired or terminated. */
  revoked?(moment: TaskMoment & { readonly reason: 'revoked' | 'expired' | 'terminated' }): unknown
  /** A task rejected its message. */
  rejected?(moment: TaskMoment & { readonly requeue: boolean }): unknown
  /** A message was moved to its quarantine; `task` is unknown if it can't be read. */
  quarantined?(moment: { readonly task: string | undefined }): unknown
  /** The worker has started to consume. */
  workerReady?(moment: { readonly node: string }): unknown
  /** The worker has stopped accepting messages. */
  workerStopping?(moment: { readonly node: string }): unknown
  /** A connection to the broker was lost. */
  brokerLost?(moment: { readonly role: 'consumer' | 'publisher'; readonly error: string }): unknown
  /** It was restored after `downtime` milliseconds. */
  brokerRegained?(moment: { readonly role: 'consumer' | 'publisher'; readonly downtime: number }): unknown
}
