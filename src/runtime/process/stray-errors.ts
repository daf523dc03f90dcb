import type { EventLogger } from '../log/logger.ts'
import { isError } from '../text/describe-error.ts'

/**
 * Handles uncaught errors until disposed. An unhandled rejection is logged and work continues: a mistake in one task must not end
 * the others. An uncaught exception may have left anything half done: it is logged, and `onFatal` is called for the first one, to
 * shut down in order.
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
 * Detects, until disposed, that the process exits before it should, for example because a task calls `process.exit`. This is
 * logged, and an exit status of 0 is replaced by `status`, since 0 would tell a supervisor that the work is done.
 */
export function onEarlyExit(status: number, logger: EventLogger): Disposable {
  const onExit = (code: number): void => {
    logger.fatal({ event: 'process.exited', code }, 'something ended the process: does a task call process.exit()?')
    if (code === 0) process.exitCode = status
  }
  // Runs before the log writes its buffer.
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
