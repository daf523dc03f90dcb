import { Logger as NestLogger } from '@nestjs/common'
import type { Logger } from 'twq/worker'

/** The worker's log, and what tasks write, as lines of Nest's logger. With nestjs-pino, give the worker that pino instead. */
export function nestLogger(bindings: Readonly<Record<string, unknown>> = {}): Logger {
  const nest = new NestLogger('twq')
  const line = (write: (text: string) => void) => (fields: object, message: string) =>
    write(`${message} ${JSON.stringify({ ...bindings, ...fields })}`)
  return {
    level: 'info',
    trace: () => {},
    debug: () => {},
    info: line((text) => nest.log(text)),
    warn: line((text) => nest.warn(text)),
    error: line((text) => nest.error(text)),
    fatal: line((text) => nest.fatal(text)),
    child: (fields) => nestLogger({ ...bindings, ...fields }),
    isLevelEnabled: (level) => level !== 'trace' && level !== 'debug',
  }
}
