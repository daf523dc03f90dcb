import type { EventLogger } from '../../runtime/log/logger.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { note } from '../terminal/output.ts'

/** The logger of the client behind `--wait`: prints a note when the Redis of the results can't be reached, and nothing else. */
export function resultTrouble(flags: GlobalOptions): EventLogger {
  const silent = (): void => {}
  const logger: EventLogger = {
    level: 'warn',
    trace: silent,
    debug: silent,
    info: silent,
    warn({ event, error }) {
      if (event === 'results.lost') {
        note(`the result backend can't be reached; trying again: ${String(error)}. twq doctor looks at it`, flags)
      }
    },
    error: silent,
    fatal: silent,
    child: () => logger,
    isLevelEnabled: (level) => level === 'warn',
  }
  return logger
}
