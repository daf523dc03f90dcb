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
  /** The queue for `send` if the caller names none. */
  readonly queue?: string
  /** The priority for `send` if the caller gives none; requires a queue with `maxPriority`. */
  readonly priority?: number
  readonly retry?: RetryPolicy
  /** When the message is acknowledged: once the result is stored (`late`), or when the attempt starts (`early`). */
  readonly acks?: 'late' | 'early'
  /** What happens to a late-acknowledged message when the task fails: `false` holds it until `<queue>.failed` has taken it. */
  readonly ackOnFailure?: boolean
  /** What `<queue>.failed` keeps after the final failure: nothing, or all but the arguments. By default the whole message. */
  readonly keepFailed?: false | 'headers'
  /** What happens to the message after a hard time limit: `false` returns it to its queue, to run again. */
  readonly ackOnTimeout?: boolean
  /** What happens if the pool member that ran the task died: `true` returns the message to its queue, `false` fails the task. */
  readonly rejectOnLost?: boolean
  /** How often tasks of this name may start in one worker: `'10/s'`, `'100/m'`, `'5/h'`; 0 for no limit. */
  readonly rateLimit?: string | number
  readonly ignoreResult?: boolean
  /**
   * How long after sending it may start, if the caller does not say: milliseconds or a duration like `'10m'`; Celery's
   * `Task.expires`.
   */
  readonly expires?: number | string
  /** How `send` compresses the arguments if the caller does not say; Celery's `Task.compression`. */
  readonly compression?: Compression
  /**
   * The text that headers, events, logs and `inspect` display for positional arguments if the caller gives none, to keep secrets
   * out of them.
   */
  readonly argsRepr?: ArgumentDisplay<readonly Json[]>
  /** The same for keyword arguments, by which a twq task is mostly called. */
  readonly kwargsRepr?: ArgumentDisplay<JsonObject>
  /** Store a STARTED state when the attempt starts. */
  readonly trackStarted?: boolean
  /**
   * `soft` aborts the attempt's signal, `hard` ends it; the message's own limits take precedence, the configuration's come last.
   */
  readonly timeLimit?: TimeLimitSetting
  /** Plugins around the attempts of this task, inside those of the configuration: only `start` and `aroundAttempt`. */
  readonly plugins?: readonly Pick<Plugin, 'name' | 'start' | 'aroundAttempt'>[]
}

/**
 * A task: its name, settings and code. Made by `defineTask`. `Input` is what callers give; `Args` is what the code gets, which
 * differs if a schema fills in defaults or converts values.
 */
export interface Task<Name extends string = string, Input = unknown, Result = unknown, Args = Input>
  extends Sendable<Name, Input, Result> {
  readonly settings: TaskSettings
  /**
   * The names that Python's positional arguments bind to; `'name?'` is optional, a last `'...rest'` receives the remaining ones.
   */
  readonly positional: readonly string[]
  /**
   * The keyword-only names; `'*'` accepts any. Undefined if the task declares no arguments at all: then any name is accepted too.
   */
  readonly named?: readonly string[] | '*' | undefined
  readonly schema: StandardSchemaV1 | undefined
  /** Runs the code; `args` has passed the schema. */
  // A method, so that tasks of any argument type are assignable to AnyTask.
  run(args: Args, ctx: TaskContext): Result | Promise<Result>
}

/**
 * Any task: the type that the registry and the rest of twq use. The context's type is erased as well as the arguments': a task
 * may come from another copy of the package.
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
