import { celeryError } from '../protocol/exceptions.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import type { Logger } from '../runtime/logger.ts'
import { runAttempt } from '../tasks/attempt.ts'
import type { Send } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { Pool } from './pool.ts'

/** What a pool on this event loop is made of. */
export interface AsyncPoolOptions {
  /** The task registered under a name. */
  readonly lookup: (name: string) => AnyTask | undefined
  readonly logger: Logger
  /** A way to send tasks as children of a message. */
  readonly sendFor: (message: TaskMessage) => Send
  readonly clock: Clock
  readonly random?: () => number
}

/**
 * Runs attempts on this event loop, as many at once as it is given. Code that ignores its signal can't be ended here: it
 * runs on, and its outcome comes whenever it comes. `stop` waits for those until its deadline.
 */
export function createAsyncPool(options: AsyncPoolOptions): Pool {
  const { lookup, logger, sendFor, clock, random = Math.random } = options
  let running = 0
  let stopped = false
  let idle: Deferred<void> | undefined

  return {
    name: 'pool',
    kind: 'async',
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
    async run(invocation, { signal, onStarted, onState }) {
      if (stopped) return { kind: 'interrupted' }
      const task = lookup(invocation.message.task)
      if (task === undefined) {
        return { kind: 'failed', error: celeryError('NotRegistered', [invocation.message.task]), runtime: 0 }
      }
      running += 1
      try {
        return await runAttempt({
          task,
          invocation,
          signal,
          onStarted: onStarted && (() => onStarted({ pid: process.pid })),
          onState,
          logger,
          sendFor,
          clock,
          random,
        })
      } finally {
        running -= 1
        if (running === 0) idle?.resolve()
      }
    },
  }
}
