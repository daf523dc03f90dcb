import { createLogger } from '../../src/runtime/log/logger.ts'

/** For tests that do not look at the log. */
export const silentLogger = createLogger({ level: 'silent', format: 'json', fields: {} })
