import type { RemoteError } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { TaskContext } from './context.ts'
import type { AnyArguments, SendOptions } from './sending.ts'
import type { TaskLogger } from './task-logger.ts'

/** Code around attempts and sends, and observers of a worker: what every task needs, written once. Each part may be left out. */
export interface Plugin {
  /** In messages, logs and `twq doctor`. */
  readonly name: string
  /**
   * Called once in each process or thread that runs tasks, and in the worker, before the first task. One that throws, or takes
   * longer than `startTimeout`, ends the worker with status 78; in a thread or process of a pool that is replaced later, it ends
   * that one. What it returns is called at the stop, within `shutdown.grace`.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a method that returns nothing is meant
  start?(host: PluginHost): void | Stop | Promise<void | Stop>
  /**
   * Asked before each attempt and each send, where there is a hook for it: where it is false, `aroundAttempt` and `aroundSend` of this plugin
   * are passed over, and cost nothing. Left out, they are always called. Has to answer at once.
   */
  active?(): boolean
  /**
   * Called around each attempt, where the code of the task runs; the first plugin is the outermost. `next` runs the plugins after
   * this one and the task, once. What it returns is the result of the attempt, and what it throws its outcome.
   */
  aroundAttempt?(attempt: PluginAttempt, next: () => Promise<unknown>): Promise<unknown>
  /**
   * Called around each send, where the message is built: in a client, where a task calls `ctx.send`, and in the worker for retries and
   * follow-ups. What it throws fails the send, and so does taking longer than `publishTimeout` before `next` or after it.
   */
  aroundSend?(send: PluginSend, next: () => Promise<Sent>): Promise<Sent>
  /** Hears what happens in the worker. What an observer throws is logged, once a minute, and changes nothing. */
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
  /** Writes to the log of the worker, with the name of the plugin. */
  readonly logger: TaskLogger
}

/** One attempt, as the plugins around it see it. */
export interface PluginAttempt {
  /** The name of the task. */
  readonly task: string
  readonly id: string
  /** The message: retries, custom headers, parent, root and group, eta. */
  readonly message: TaskMessage
  /** The queue that it was consumed from. */
  readonly queue: string
  /** The node name of the worker. */
  readonly node: string
  /** The positional arguments; assigned before `next()`, they are those of this attempt, and not of a retry. */
  args: readonly Json[]
  /** The named arguments, in the same way. */
  kwargs: JsonObject
  /** The context that the task gets. */
  readonly context: TaskContext
  /** Aborts when the attempt should stop. */
  readonly signal: AbortSignal
  /**
   * Texts for `aroundSend` of the retry and the follow-ups of this attempt, which the worker sends. At most 16 KiB; of an attempt
   * that is killed (a hard time limit, a lost process) none arrive.
   */
  readonly passOn: Record<string, string>
  /** Adds fields to each line that the task writes from now on with `context.log`, the ids of a trace for one. */
  addLogFields(fields: Readonly<Record<string, unknown>>): void
  /** How the attempt ends where this is thrown out of the outermost plugin. */
  outcomeOf(error: unknown): AttemptEnd
}

/**
 * How an attempt ends that throws: `retry` by its policy or by `ctx.retry()`; `rejected`, `ignored` and `replaced` by what the task
 * throws for that; `interrupted` by a shutdown, to run again elsewhere; else `failed`.
 */
export type AttemptEnd = 'retry' | 'rejected' | 'ignored' | 'replaced' | 'interrupted' | 'failed'

/**
 * The reason of a send: a `task` or a `canvas` by `send`; a `schedule` by the worker that leads `schedules`; by the worker a `retry`, a `callback` (the next step of a chain as well), an
 * `errback`, a `chord-body`, what takes the place of a task (`replacement`), or a `member` of a group or a
 * chord that `ctx.addToChord` or a built-in task of Celery sends.
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
  /** The name of the task; of a canvas the name that its signature has: `celery.chain`, `celery.group`, `celery.chord`, or a task's. */
  readonly task: string
  /** The id that the task will have; undefined for a canvas that was given none. */
  readonly id: string | undefined
  /** The arguments of `send`, or of the schedule; undefined for a canvas, and for what the worker sends because of another task. */
  readonly args: AnyArguments | undefined
  /** Custom headers to be set or replaced, at first those of the options of `send`; those of a canvas go on each message that starts it. */
  readonly headers: Record<string, Json>
  /** Of a `task`, a `canvas` or a `schedule`: the options of the send, which may be changed. Of what follows a task: the queue, which can't be. */
  readonly options: Changeable<Omit<SendOptions, 'headers' | 'taskId' | 'signal'>>
  /** The message of the task that sends, or that is followed. */
  readonly parent: TaskMessage | undefined
  /** The texts that the attempt before passed on; empty where there was none. */
  readonly passOn: Readonly<Record<string, string>>
}

type Changeable<Options> = { -readonly [Option in keyof Options]: Options[Option] }

/** A message that the broker has confirmed. */
export interface Sent {
  readonly id: string
}

/** A task in the hands of a worker. */
export interface TaskMoment {
  readonly task: string
  readonly id: string
  readonly queue: string
  readonly message: TaskMessage
}

/** How a task has failed. */
export interface TaskFailure {
  readonly error: RemoteError
  /** `threw`: by its code or its arguments; `timed-out`: by its hard time limit; `lost`: its process died; `interrupted`: the worker left. */
  readonly how: 'threw' | 'timed-out' | 'lost' | 'interrupted'
  /** When its code was started, in milliseconds since the epoch; undefined where it was not. */
  readonly startedAt: number | undefined
}

/** The moments of a worker that plugins hear, all of them in the worker's own process. */
export interface PluginObservers {
  /** The worker has taken a message that it can run. */
  received?(moment: TaskMoment): unknown
  /** The code of a task is about to run. */
  started?(moment: TaskMoment & { readonly pid: number }): unknown
  /** The result of an attempt is safe; `runtime` in milliseconds. */
  succeeded?(moment: TaskMoment & { readonly result: Json; readonly runtime: number }): unknown
  /** A task has failed. */
  failed?(moment: TaskMoment & TaskFailure): unknown
  /** A task will run again, `at` milliseconds since the epoch. */
  retried?(moment: TaskMoment & { readonly at: number; readonly error: RemoteError | null }): unknown
  /** A task was revoked, has expired, or was terminated. */
  revoked?(moment: TaskMoment & { readonly reason: 'revoked' | 'expired' | 'terminated' }): unknown
  /** A task has refused its message. */
  rejected?(moment: TaskMoment & { readonly requeue: boolean }): unknown
  /** A message is in its quarantine; `task` is unknown for what can't be read. */
  quarantined?(moment: { readonly task: string | undefined }): unknown
  /** The worker consumes. */
  workerReady?(moment: { readonly node: string }): unknown
  /** The worker takes no more messages. */
  workerStopping?(moment: { readonly node: string }): unknown
  /** A connection to the broker was lost. */
  brokerLost?(moment: { readonly role: 'consumer' | 'publisher'; readonly error: string }): unknown
  /** It is back, after `downtime` milliseconds. */
  brokerRegained?(moment: { readonly role: 'consumer' | 'publisher'; readonly downtime: number }): unknown
}
