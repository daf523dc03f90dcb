import { inspect } from 'node:util'
import { Logger as NestLogger } from '@nestjs/common'
import type { Logger } from 'twq/worker'

/** Writes the worker's log, and the tasks', as lines of Nest's logger. With nestjs-pino, give the worker that pino instead. */
export function nestLogger(bindings: Readonly<Record<string, unknown>> = {}): Logger {
  const nest = new NestLogger('twq')
  const line = (write: (text: string) => void) => (fields: object, message: string) =>
    write(`${message} ${inspect({ ...bindings, ...fields }, { breakLength: Number.POSITIVE_INFINITY, depth: 5 })}`)
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
