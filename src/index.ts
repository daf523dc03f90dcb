export type { UserConfig } from './config/config.ts'
export { type ConfigEnvironment, type ConfigFunction, defineConfig } from './config/define-config.ts'
export { type ErrorCode, TwqError } from './errors.ts'
export { isTask } from './tasks/brand.ts'
