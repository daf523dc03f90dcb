import { TwqError } from '../errors.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { AroundAttempt, SurroundedAttempt } from '../tasks/attempt/invocation.ts'
import type { TaskContext } from '../tasks/context.ts'
import type { AttemptEnd, Plugin, PluginAttempt } from '../tasks/plugin.ts'
import { isActive } from './active.ts'
import { type ChainObserver, type Hook, runChain } from './chain.ts'
import type { FailureLog } from './failure-log.ts'
import type { SendHooks } from './send-hooks.ts'

/**
 * The plugins around attempts as one function; undefined if none has such a hook. Messages that the worker sends while the
 * attempt runs, such as members of a group, find in `sends` what the attempt passes on.
 */
export function aroundAttempt(
  plugins: readonly Plugin[],
  failures: FailureLog,
  sends?: Pick<SendHooks, 'passOn'>,
): AroundAttempt | undefined {
  const surrounding = plugins.filter((plugin) => plugin.aroundAttempt !== undefined)
  if (surrounding.length === 0) return undefined
  return async (surrounded) => {
    const attempt = new AttemptOfPlugins(surrounded)
    sends?.passOn(attempt.message, attempt.passOn)
    const hooks = surrounding
      .filter((plugin) => isActive(plugin, failures))
      .map(
        (plugin): Hook<unknown> => ({
          plugin: plugin.name,
          run: (next) => plugin.aroundAttempt?.(attempt, next),
        }),
      )
    return await runChain(hooks, () => surrounded.call(...argumentsOf(attempt)), observing(surrounded, failures))
  }
}

/**
 * An error thrown by a plugin is the attempt's outcome and may be intended; the log names the plugin, unless it is a retry or a
 * rejection.
 */
function observing(surrounded: SurroundedAttempt, failures: FailureLog): ChainObserver {
  return {
    ended(plugin, how) {
      if ('result' in how) {
        const kind = typeof how.result
        if (kind === 'function' || kind === 'symbol') {
          failures.tell(plugin, 'aroundAttempt', new Error(`it returned a ${kind}, which no message can carry`))
        }
        return
      }
      const end = surrounded.outcomeOf(how.thrown)
      if (end === 'failed' || end === 'retry') failures.tell(plugin, 'aroundAttempt', how.thrown)
    },
  }
}

/** Throws `TWQ_PLUGIN` if a plugin replaced the arguments by something else. */
function argumentsOf({ task, args, kwargs }: PluginAttempt): [readonly Json[], JsonObject] {
  if (!Array.isArray(args) || typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs)) {
    throw new TwqError('TWQ_PLUGIN', `a plugin has replaced the arguments of ${task} by what are none`, {
      hint: 'attempt.args is a list, attempt.kwargs an object',
    })
  }
  return [args, kwargs]
}

class AttemptOfPlugins implements PluginAttempt {
  readonly #surrounded: SurroundedAttempt
  args: readonly Json[]
  kwargs: JsonObject

  constructor(surrounded: SurroundedAttempt) {
    this.#surrounded = surrounded
    this.args = this.message.args
    this.kwargs = this.message.kwargs
  }

  get task(): string {
    return this.message.task
  }

  get id(): string {
    return this.message.id
  }

  get message(): TaskMessage {
    return this.#surrounded.invocation.message
  }

  get queue(): string {
    return this.#surrounded.invocation.queue
  }

  get node(): string {
    return this.#surrounded.invocation.node
  }

  get context(): TaskContext {
    return this.#surrounded.context
  }

  get signal(): AbortSignal {
    return this.#surrounded.context.signal
  }

  get passOn(): Record<string, string> {
    return this.#surrounded.passOn
  }

  addLogFields(fields: Readonly<Record<string, unknown>>): void {
    this.#surrounded.addLogFields(fields)
  }

  outcomeOf(error: unknown): AttemptEnd {
    return this.#surrounded.outcomeOf(error)
  }
}
