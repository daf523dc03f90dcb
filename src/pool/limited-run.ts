import { TwqError } from '../errors.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import type { Invocation } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { TimeLimits } from '../tasks/time-limits.ts'
import type { RunOptions } from './pool.ts'

/** An attempt with limits, and the functions to enforce them. */
export interface LimitedRun {
  readonly limits: TimeLimits
  readonly invocation: Invocation
  readonly options: RunOptions
  readonly clock: Clock
  readonly logger: EventLogger
  /** Runs the attempt, with the options given here. */
  readonly run: (options: RunOptions) => Outcome | Promise<Outcome>
  /** The hard limit has passed and the outcome is decided: ends the attempt, or abandons it if it can't be ended. */
  readonly onOverrun: (attempt: Promise<Outcome>) => void
}

/**
 * Runs an attempt within its limits (wire specification 3.3). At the soft limit its signal aborts with `TWQ_SOFT_LIMIT`; at the
 * hard limit the outcome is `timed-out`, and later messages of the attempt are ignored. Code that returns its outcome
 * synchronously can't be ended by limits.
 */
export function runUnderLimits({
  limits,
  invocation,
  options,
  clock,
  logger,
  run,
  onOverrun,
}: LimitedRun): Outcome | Promise<Outcome> {
  const { soft, hard } = limits
  const { message } = invocation
  const controller = sharedAbort()
  const follow = (): void => controller.abort(options.signal.reason)
  let over = false

  if (options.signal.aborted) follow()
  else options.signal.addEventListener('abort', follow, { once: true })
  const attempt = run({
    onStarted: (info) => options.onStarted?.(info),
    signal: controller.signal,
    get aborted() {
      return controller.signal.aborted
    },
    onState: async (state, meta) => {
      if (!over) await options.onState(state, meta)
    },
    onAddToChord: async (signature, passOn) => {
      if (over || options.onAddToChord === undefined) {
        throw new TwqError('TWQ_CLOSED', 'nothing added to the chord: the attempt is over', {
          hint: 'Await ctx.addToChord() before the task returns.',
        })
      }
      return await options.onAddToChord(signature, passOn)
    },
  })
  if (!(attempt instanceof Promise)) {
    over = true
    options.signal.removeEventListener('abort', follow)
    return attempt
  }
  const timers: Timer[] = []
  return new Promise((resolve) => {
    const end = (outcome: Outcome): void => {
      if (over) return
      over = true
      for (const timer of timers) timer.cancel()
      options.signal.removeEventListener('abort', follow)
      resolve(outcome)
    }
    if (soft !== undefined) {
      const expire = (): void => {
        if (controller.signal.aborted) return
        logger.warn(
          { event: 'task.soft-limit', task_id: message.id, task: message.task, limit_ms: soft },
          'task ran into its soft time limit; its signal aborts',
        )
        controller.abort(softLimitError(soft))
      }
      timers.push(clock.after(soft, expire))
    }
    if (hard !== undefined) {
      const expire = (): void => {
        end({ kind: 'timed-out', limit: hard, error: celeryError('TimeLimitExceeded', [hard / 1_000]) })
        onOverrun(attempt)
      }
      timers.push(clock.after(hard, expire))
    }
    void attempt.then(end)
  })
}

function softLimitError(ms: number): TwqError {
  return new TwqError('TWQ_SOFT_LIMIT', `the soft time limit of ${ms / 1_000} s is exceeded`, {
    hint: 'Clean up and let the error escape, or return a partial result.',
  })
}
