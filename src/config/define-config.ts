import type { UserConfig } from './config.ts'

/** The argument of a configuration that is a function. */
export interface ConfigEnvironment {
  /** The command that asks, such as `worker start`. */
  readonly command: string
  /** `NODE_ENV`, or `production` where that is not set. */
  readonly mode: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A configuration that depends on where it is read. */
export type ConfigFunction = (environment: ConfigEnvironment) => UserConfig | Promise<UserConfig>

/** The type that `defineConfig` returns: an object where it was given one, else the function, by its own return type. */
export type DefinedConfig<Returned> = [Returned] extends [never]
  ? UserConfig
  : (environment: ConfigEnvironment) => Returned

/** Types a configuration for the editor, and returns it as it is. A wrong value is reported when the configuration is resolved. */
// One signature: of one for objects and one for functions, TypeScript would report the errors of both.
export function defineConfig<Returned extends UserConfig | Promise<UserConfig> = never>(
  config: UserConfig | ((environment: ConfigEnvironment) => Returned),
): DefinedConfig<Returned> {
  return config as DefinedConfig<Returned>
}
