import { TwqError } from '../errors.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import type { State } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { runAttempt } from '../tasks/attempt/attempt.ts'
import type { AroundAttempt, Attempt, Invocation, PassedOn } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Send } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { TimeLimits } from '../tasks/time-limits.ts'
import { runUnderLimits } from './limited-run.ts'
import type { Pool, RunOptions } from './pool.ts'

/** The parts of a pool on this event loop. */
export interface AsyncPoolOptions {
  /** The name of its kind. */
  readonly kind: string
  /** False if it only ever gets one attempt at a time. */
  readonly resizable?: boolean
  /** The task registered under a name. */
  readonly lookup: (name: string) => AnyTask | undefined
  readonly logger: EventLogger
  /** Creates a way to send tasks as children of a message. */
  readonly sendFor: (message: TaskMessage) => Send
  /** The time limits of a message's attempt, if it has any. */
  readonly limitsFor: (message: TaskMessage) => TimeLimits | undefined
  /** What surrounds the attempts of a task; left out if no plugin surrounds any. */
  readonly aroundOf?: ((task: AnyTask) => AroundAttempt | undefined) | undefined
  /** The largest result of a task, in bytes of JSON. */
  readonly maxResultSize?: number | undefined
  readonly clock: Clock
  readonly random?: () => number
}

/**
 * Runs attempts on this event loop, as many at once as it is given. Code that ignores its signal can't be ended here and runs on.
 * `stop` waits for it until its deadline; a hard time limit abandons it, which frees its slot at once.
 */
export function createAsyncPool(options: AsyncPoolOptions): Pool {
  const {
    kind,
    resizable = true,
    lookup,
    logger,
    sendFor,
    limitsFor,
    aroundOf,
    maxResultSize,
    clock,
    random = Math.random,
  } = options
  const means: Means = { logger, sendFor, aroundOf, maxResultSize, clock, random }
  let running = 0
  let abandoned = 0
  let stopped = false
  let idle: Deferred<void> | undefined

  return {
    name: 'pool',
    kind,
    onEventLoop: true,
    async start() {},
    async stop({ deadline }) {
      stopped = true
      if (running === 0 || deadline.aborted) return
      idle = deferred()
      const giveUp = () => idle?.resolve()
      deadline.addEventListener('abort', giveUp, { once: true })
      await idle.promise
      deadline.removeEventListener('abort', giveUp)
    },
    run(invocation, options) {
      if (stopped) return { kind: 'interrupted' }
      const task = lookup(invocation.message.task)
      if (task === undefined) {
        return { kind: 'failed', error: celeryError('NotRegistered', [invocation.message.task]), runtime: 0 }
      }
      running += 1
      const limits = limitsFor(invocation.message)
      const outcome =
        limits === undefined
          ? attempt(task, invocation, options)
          : runUnderLimits({
              limits,
              invocation,
              options,
              clock,
              logger,
              run: (limited) => attempt(task, invocation, limited),
              onOverrun: (ending) => abandon(invocation, ending),
            })
      return outcome instanceof Promise ? outcome.then(over) : over(outcome)
    },
    // It runs as many as it is given.
    ...(resizable && { resize() {} }),
    stats: () => ({ pids: [process.pid], abandoned }),
  }

  function over(outcome: Outcome): Outcome {
    running -= 1
    if (running === 0) idle?.resolve()
    return outcome
  }

  function attempt(task: AnyTask, invocation: Invocation, options: RunOptions): Outcome | Promise<Outcome> {
    return runAttempt(new LocalAttempt(task, invocation, options, means))
  }

  /** Counts and logs an attempt whose outcome is decided but whose code can't be stopped and still runs. */
  function abandon({ message }: Invocation, ending: Promise<Outcome>): void {
    abandoned += 1
    const fields = { task_id: message.id, task: message.task }
    logger.error(
      { event: 'task.abandoned', ...fields, abandoned },
      'the hard time limit is over, and code on the event loop cannot be ended: it keeps running, and its outcome is ignored',
    )
    void ending.then((outcome) => {
      abandoned -= 1
      logger.warn(
        { event: 'task.abandoned-ended', ...fields, outcome: outcome.kind, abandoned },
        'abandoned code ended',
      )
    })
  }
}

/** The context that all attempts on this event loop share. */
type Means = Pick<Attempt, 'logger' | 'sendFor' | 'maxResultSize' | 'clock' | 'random'> &
  Pick<AsyncPoolOptions, 'aroundOf'>

const HERE = { pid: process.pid }

/** One attempt on this event loop. A class rather than an object literal with getters, which costs a microsecond per task. */
class LocalAttempt implements Attempt {
  readonly task: AnyTask
  readonly invocation: Invocation
  readonly #options: RunOptions
  readonly #means: Means

  constructor(task: AnyTask, invocation: Invocation, options: RunOptions, means: Means) {
    this.task = task
    this.invocation = invocation
    this.#options = options
    this.#means = means
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  get aborted(): boolean {
    return this.#options.aborted ?? this.#options.signal.aborted
  }

  get around(): AroundAttempt | undefined {
    return this.#means.aroundOf?.(this.task)
  }

  get logger(): EventLogger {
    return this.#means.logger
  }

  get sendFor(): Means['sendFor'] {
    return this.#means.sendFor
  }

  get maxResultSize(): number | undefined {
    return this.#means.maxResultSize
  }

  get clock(): Clock {
    return this.#means.clock
  }

  get random(): () => number {
    return this.#means.random
  }

  onStarted(): void {
    this.#options.onStarted?.(HERE)
  }

  onState(state: State, meta: Json): Promise<void> {
    return this.#options.onState(state, meta)
  }

  async onAddToChord(signature: Json, passOn: PassedOn): Promise<string> {
    const { onAddToChord } = this.#options
    if (onAddToChord === undefined) throw new TwqError('TWQ_USAGE', 'nothing can be added to a chord here')
    return await onAddToChord.call(this.#options, signature, passOn)
  }
}
