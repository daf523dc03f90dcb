import type { EventLogger } from '../log/logger.ts'
import { isError } from '../text/describe-error.ts'

/**
 * Handles uncaught errors, until disposed. An unhandled rejection is logged, and work goes on: one task's
 * oversight must not end its neighbours. An exception out of a callback may have left anything half done: it is logged
 * and `onFatal` hears of the first, to leave in order.
 */
export function onStrayErrors(
  onFatal: (error: unknown) => void,
  options: { readonly logger: EventLogger; readonly process?: Pick<NodeJS.EventEmitter, 'on' | 'off'> },
): Disposable {
  const { logger, process: source = process } = options
  let fatal = false

  const onRejection = (error: unknown): void => {
    const err = asError(error)
    logger.error({ event: 'process.unhandled-rejection', err }, 'unhandled rejection')
  }
  const onException = (error: unknown): void => {
    logger.fatal({ event: 'process.uncaught-exception', err: asError(error) }, 'uncaught exception: exiting')
    if (fatal) return
    fatal = true
    onFatal(error)
  }
  source.on('unhandledRejection', onRejection)
  source.on('uncaughtException', onException)
  return {
    [Symbol.dispose]() {
      source.off('unhandledRejection', onRejection)
      source.off('uncaughtException', onException)
    },
  }
}

/**
 * Notices, until disposed, that the process ends before it should: by `process.exit` in a task, say. It is logged, and the
 * status is `status` where it would have been 0, which tells a supervisor that all was done.
 */
export function onEarlyExit(status: number, logger: EventLogger): Disposable {
  const onExit = (code: number): void => {
    logger.fatal({ event: 'process.exited', code }, 'something ended the process: does a task call process.exit()?')
    if (code === 0) process.exitCode = status
  }
  // Before the log writes what is left.
  process.prependListener('exit', onExit)
  return {
    [Symbol.dispose]() {
      process.off('exit', onExit)
    },
  }
}

function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(`thrown: ${typeof thrown === 'string' ? thrown : typeof thrown}`)
}
