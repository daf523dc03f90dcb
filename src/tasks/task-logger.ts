import { messageOf } from '../errors.ts'
import type { EventLogger } from '../runtime/log/logger.ts'

/** A message, or fields and a message: `log.info('sent')`, `log.info({ to }, 'sent')`, `log.error(error, 'not sent')`. */
export interface TaskLogLine {
  (message: string): void
  /** An error becomes the field `err`. */
  (fields: Record<string, unknown> | Error, message?: string): void
}

/** The logger of a task. */
export interface TaskLogger {
  readonly level: string
  readonly trace: TaskLogLine
  readonly debug: TaskLogLine
  readonly info: TaskLogLine
  readonly warn: TaskLogLine
  readonly error: TaskLogLine
  readonly fatal: TaskLogLine
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Record<string, unknown>): TaskLogger
  /** Whether lines of a level are written: `'debug'`. */
  isLevelEnabled(level: string): boolean
}

/** Adapts a logger to the calls that tasks make. */
export function taskLogger(logger: EventLogger): TaskLogger {
  const line =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'): TaskLogLine =>
    (first: string | Record<string, unknown> | Error, message?: string) => {
      if (typeof first === 'string') logger[level]({}, first)
      else if (first instanceof Error) logger[level]({ err: first }, message ?? messageOf(first))
      else logger[level](first, message ?? '')
    }
  return {
    level: logger.level,
    trace: line('trace'),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    child: (fields) => taskLogger(logger.child(fields)),
    isLevelEnabled: (level) => logger.isLevelEnabled(level),
  }
}
