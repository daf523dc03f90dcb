import { option } from './option.ts'
import { oneOf, type Parser } from './parsers.ts'

/** The level and the form of log lines. */
export const loggingOptions = {
  /** The lowest level that is logged. */
  logLevel: option({
    default: 'info',
    env: 'TWQ_LOG_LEVEL',
    flag: { short: '-l', long: '--loglevel', placeholder: '<level>', of: 'worker' },
    parser: lowerCased(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
    celeryValues: { warning: 'warn', critical: 'fatal' },
    doc: 'the lowest level that is logged',
  }),
  /** How lines are logged: `auto` is `pretty` on a terminal, and `json` elsewhere. */
  logFormat: option({
    default: 'auto',
    env: 'TWQ_LOG_FORMAT',
    flag: { long: '--log-format', placeholder: '<format>', of: 'worker' },
    parser: oneOf('auto', 'json', 'pretty'),
    doc: '`auto` is `pretty` on a terminal, elsewhere `json`, one document per line',
  }),
}

// Celery's habit is `-l INFO`.
function lowerCased<T>(parser: Parser<T>): Parser<T> {
  return { ...parser, fromText: (text) => parser.fromText(text.toLowerCase()) }
}
