import { hintOf, messageOf, TwqError } from '../errors.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { timeLimit, unlessAborted } from '../runtime/time/time-limit.ts'
import type { AroundAttempt } from '../tasks/attempt/invocation.ts'
import type { Plugin, PluginHost, Stop } from '../tasks/plugin.ts'
import type { AnyTask } from '../tasks/task.ts'
import { taskLogger } from '../tasks/task-logger.ts'
import { isActive } from './active.ts'
import { aroundAttempt } from './around-attempt.ts'
import { FailureLog } from './failure-log.ts'
import { Observers } from './observers.ts'
import { type SendHooks, sendHooks } from './send-hooks.ts'

/** Where plugins run, and time limits for their starts and stops, in milliseconds. */
export interface PluginListParts {
  /** Those of the configuration, the outermost first. */
  readonly plugins: readonly Plugin[]
  /** The tasks that run here: some have plugins of their own, inside those. */
  readonly tasks: readonly AnyTask[]
  readonly host: Omit<PluginHost, 'logger'>
  readonly startTimeout: number
  readonly publishTimeout: number
  /** For all functions that their starts returned, together. */
  readonly stopTimeout: number
  readonly logger: EventLogger
  readonly clock: Clock
}

/** Milliseconds that a stop waits for a start that is under way. */
const LATE_START = 2_000

/** A task with the plugins around its attempts, and these as one function. */
interface SurroundedTask {
  readonly plugins: readonly Plugin[]
  readonly around: AroundAttempt | undefined
}

/** The plugins of one process or thread: starts them in order, stops them in reverse, and calls them around attempts. */
export class PluginList {
  readonly #parts: PluginListParts
  /** Each plugin once, though several tasks may have it. */
  readonly #all: readonly Plugin[]
  readonly #started: { readonly plugin: Plugin; readonly stop: Stop }[] = []
  readonly #surrounded = new Map<AnyTask, SurroundedTask>()
  #starting: Promise<void> | undefined
  /** The plugin whose start was not waited for any more: settles when it is stopped, or has failed. */
  #late: Promise<void> | undefined
  readonly #over = sharedAbort()
  readonly failures: FailureLog
  readonly observers: Observers
  /** Those around sends; undefined if there are none. */
  readonly sends: SendHooks | undefined

  constructor(parts: PluginListParts) {
    this.#parts = parts
    const ofTasks = parts.tasks.flatMap(({ settings }) => settings.plugins ?? [])
    this.#all = [...new Set([...parts.plugins, ...ofTasks])]
    this.failures = new FailureLog(parts.logger, parts.clock)
    this.observers = new Observers(parts.plugins, this.failures)
    this.sends = sendHooks({ ...parts, failures: this.failures })
  }

  /** Those of the configuration, then those of tasks. */
  get names(): readonly string[] {
    return this.#all.map(({ name }) => name)
  }

  /** Those around the attempts of a task, the outermost first. */
  namesAround(task: AnyTask): readonly string[] {
    return (this.#surrounded.get(task) ?? this.#surround(task)).plugins.map(({ name }) => name)
  }

  /** What plugins of pool members are started with. Plain data. */
  get setup(): Pick<PluginListParts, 'host' | 'startTimeout' | 'stopTimeout' | 'publishTimeout'> {
    const { host, startTimeout, stopTimeout, publishTimeout } = this.#parts
    return { host: { ...host, role: 'member' }, startTimeout, stopTimeout, publishTimeout }
  }

  /** The hooks around the attempts of a task; undefined if no plugin here has one, so that attempts need not ask. */
  get aroundOf(): ((task: AnyTask) => AroundAttempt | undefined) | undefined {
    if (this.#all.every((plugin) => plugin.aroundAttempt === undefined)) return undefined
    return (task) => {
      const { plugins, around } = this.#surrounded.get(task) ?? this.#surround(task)
      return plugins.some((plugin) => isActive(plugin, this.failures)) ? around : undefined
    }
  }

  #surround(task: AnyTask): SurroundedTask {
    const own = [...new Set([...this.#parts.plugins, ...(task.settings.plugins ?? [])])]
    const plugins = own.filter((plugin) => plugin.aroundAttempt !== undefined)
    const surrounded = { plugins, around: aroundAttempt(plugins, this.failures, this.sends) }
    this.#surrounded.set(task, surrounded)
    return surrounded
  }

  /**
   * Starts all, one after the other. Rejects with `TWQ_PLUGIN`, naming the plugin, once those started before are stopped again; with
   * `TWQ_CLOSED` if `stop` is called first. A plugin whose start comes to its end only after that is stopped then.
   */
  start(): Promise<void> {
    this.#starting ??= this.#startAll()
    return this.#starting
  }

  /**
   * Calls the functions that the starts returned, the last first. Never rejects: errors are logged. A start that is under way is waited for
   * up to two seconds.
   */
  async stop(): Promise<void> {
    const reason = new TwqError('TWQ_CLOSED', 'the worker was stopped before its plugins had started', {
      hint: 'A worker starts once: create another one.',
    })
    this.#over.abort(reason)
    await this.#starting?.catch(() => {})
    if (this.#late !== undefined) {
      using limit = timeLimit({ ms: LATE_START, reason: () => reason })
      await unlessAborted(this.#late, limit.signal).catch(() => {})
    }
    await this.#stopStarted()
  }

  async #startAll(): Promise<void> {
    const { startTimeout } = this.#parts
    let starting = ''
    using limit = timeLimit({
      ms: startTimeout,
      reason: () => new TwqError('TWQ_PLUGIN', `it has not started within startTimeout, ${startTimeout} ms`),
      signal: this.#over.signal,
    })
    try {
      for (const plugin of this.#all) {
        starting = plugin.name
        await this.#startOne(plugin, limit.signal)
      }
    } catch (error) {
      await this.#stopStarted()
      if (error === this.#over.signal.reason) throw error
      throw new TwqError('TWQ_PLUGIN', `plugin '${starting}' can't be started: ${messageOf(error)}`, {
        hint: hintOf(error) ?? 'Correct what its start() needs, or take it out of `plugins`',
        cause: error,
      })
    }
  }

  async #startOne(plugin: Plugin, limit: AbortSignal): Promise<void> {
    const { logger, host } = this.#parts
    if (limit.aborted) throw limit.reason
    if (plugin.start === undefined) return
    const own: PluginHost = { ...host, logger: taskLogger(logger.child({ plugin: plugin.name })) }
    const starting = started(plugin, own)
    const note = (stop: unknown): void => {
      if (typeof stop === 'function') this.#started.push({ plugin, stop: stop as Stop })
    }
    try {
      note(await unlessAborted(starting, limit))
    } catch (error) {
      const closed = starting.then(
        async (stop) => {
          note(stop)
          await this.#stopStarted()
        },
        () => {},
      )
      if (this.#over.signal.aborted) this.#late = closed
      throw error
    }
  }

  async #stopStarted(): Promise<void> {
    const { stopTimeout, logger } = this.#parts
    const reason = () => new Error(`it has not stopped within ${stopTimeout} ms`)
    using limit = timeLimit({ ms: stopTimeout, reason })
    for (const { plugin, stop } of this.#started.splice(0).reverse()) {
      try {
        await unlessAborted(stopped(stop), limit.signal)
      } catch (error) {
        const fields = { event: 'plugin.stop-failed' as const, plugin: plugin.name, error: messageOf(error) }
        logger.warn(fields, 'a plugin could not be stopped')
      }
    }
  }
}

// A hook that is not async throws synchronously.
async function started(plugin: Plugin, host: PluginHost): Promise<unknown> {
  return await plugin.start?.(host)
}

async function stopped(stop: Stop): Promise<void> {
  await stop()
}
