import type { Compression } from '../protocol/compression.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { ArgumentDisplay } from './argument-display.ts'
import type { TaskContext } from './context.ts'
import type { Plugin } from './plugin.ts'
import type { RetryPolicy } from './retry-policy.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { Sendable } from './sending.ts'
import type { TimeLimitSetting } from './time-limits.ts'

/** The settings of a task. */
export interface TaskSettings {
  /** The queue that `send` uses when the caller names none. */
  readonly queue?: string
  /** The priority that `send` gives it when the caller does not; needs a queue with `maxPriority`. */
  readonly priority?: number
  readonly retry?: RetryPolicy
  /** When the message is acknowledged: after the result is safe (`late`), or when the attempt starts (`early`). */
  readonly acks?: 'late' | 'early'
  /** What becomes of the message, acknowledged late, when the task fails: `false` holds it until `<queue>.failed` takes it. */
  readonly ackOnFailure?: boolean
  /** What `<queue>.failed` keeps when the task has failed for good: nothing, or all but its arguments. By default the whole message. */
  readonly keepFailed?: false | 'headers'
  /** What becomes of it after a hard time limit: `false` sends it back to its queue, to run again. */
  readonly ackOnTimeout?: boolean
  /** When the worker's member that ran the task died: `true` sends it back to its queue, `false` fails the task. */
  readonly rejectOnLost?: boolean
  /** How often tasks of this name may start in one worker: `'10/s'`, `'100/m'`, `'5/h'`; 0 for no limit. */
  readonly rateLimit?: string | number
  readonly ignoreResult?: boolean
  /** How long after it was sent it may still start, where a caller does not say: milliseconds or a duration like `'10m'`; Celery's `Task.expires`. */
  readonly expires?: number | string
  /** How `send` compresses its arguments where a caller does not say; Celery's `Task.compression`. */
  readonly compression?: Compression
  /** The text that headers, events, logs and `inspect` show for positional arguments, where a caller gives none: so a secret stays out of them. */
  readonly argsRepr?: ArgumentDisplay<readonly Json[]>
  /** The same for named arguments, which a task here is mostly called with. */
  readonly kwargsRepr?: ArgumentDisplay<JsonObject>
  /** Store a STARTED state when the attempt starts. */
  readonly trackStarted?: boolean
  /** `soft` aborts the attempt's signal, `hard` ends it; the message's own limits come first, the configuration's last. */
  readonly timeLimit?: TimeLimitSetting
  /** Around the attempts of this task, within the plugins of the configuration: `start` and `aroundAttempt` only. */
  readonly plugins?: readonly Pick<Plugin, 'name' | 'start' | 'aroundAttempt'>[]
}

/**
 * A task: a name, how it is run, and the code. Made by `defineTask`. `Input` is what callers give; `Args` what the code
 * gets, which differs where a schema fills in defaults or converts.
 */
export interface Task<Name extends string = string, Input = unknown, Result = unknown, Args = Input>
  extends Sendable<Name, Input, Result> {
  readonly settings: TaskSettings
  /** Which names Python's positional arguments bind to; `'name?'` is optional, a last `'...rest'` takes what remains. */
  readonly positional: readonly string[]
  /** Which names are given by name only; `'*'`: any is taken. Undefined where the task declares no argument at all: any is taken then, too. */
  readonly named?: readonly string[] | '*' | undefined
  readonly schema: StandardSchemaV1 | undefined
  /** Runs the code; `args` has been through the schema. */
  // A method, so that tasks of any argument type are assignable to AnyTask.
  run(args: Args, ctx: TaskContext): Result | Promise<Result>
}

/**
 * Any task: what the registry holds and everything inside twq deals in. The context is erased with the arguments: a task
 * whose module has another copy of the package is one, too.
 */
// biome-ignore-start lint/suspicious/noExplicitAny: the one place where the types of a task are erased
export interface AnyTask extends Omit<Task<string, any, unknown>, 'run' | 'settings'> {
  readonly settings: Omit<TaskSettings, 'plugins'> & {
    /** Their hooks see the context, too. */
    readonly plugins?: readonly {
      readonly name: string
      start?(host: any): any
      aroundAttempt?(attempt: any, next: () => Promise<unknown>): Promise<unknown>
    }[]
  }
  /** Runs the code with arguments that fit it. */
  run(args: any, ctx: any): unknown
}
// biome-ignore-end lint/suspicious/noExplicitAny: the one place where the types of a task are erased
