/** One method a level; fields first, then a lower-case message without interpolated values. */
export type LogLine = (fields: Record<string, unknown>, message: string) => void

/** What twq logs through; pino's loggers are of this shape. */
export interface Logger {
  readonly level: string
  trace: LogLine
  debug: LogLine
  info: LogLine
  warn: LogLine
  error: LogLine
  fatal: LogLine
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Record<string, unknown>): Logger
  isLevelEnabled(level: string): boolean
}
