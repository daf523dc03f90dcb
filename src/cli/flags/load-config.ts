import { basename, dirname } from 'node:path'
import { type ConfigFile, findConfig } from '../../config/find-config.ts'
import { options } from '../../config/options.ts'
import { type ResolvedConfig, resolveWithOrigins } from '../../config/resolve-config.ts'
import type { KnownTexts } from '../../config/sources.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { printable } from '../../runtime/text/printable.ts'
import { typedOptions } from './config-flags.ts'
import type { GlobalOptions } from './global-options.ts'

/** The configuration in force and where it came from. */
export interface LoadedConfig extends ResolvedConfig {
  /** The configuration file, if there is one. */
  readonly file: string | undefined
}

/**
 * Finds, loads and resolves the configuration for one command; notices go to standard error. A command that opens the result
 * backend says by which texts one is named.
 */
export async function loadConfig(
  command: string,
  flags: GlobalOptions,
  resultBackends?: KnownTexts,
): Promise<LoadedConfig> {
  const cwd = process.cwd()
  const mode = process.env.NODE_ENV ?? 'production'
  const file = await findConfig({ file: flags.config, cwd, command, mode, env: process.env })
  const resolved = resolveWithOrigins({
    file,
    env: process.env,
    flags: typedOptions(flags, options),
    resultBackends,
    baseDir: file === undefined ? cwd : dirname(file.path),
  })
  const notices = [...unreadFiles(file), ...resolved.notices]
  if (!flags.quiet) {
    for (const notice of notices) process.stderr.write(`note: ${printable(maskPasswords(notice))}\n`)
  }
  return { ...resolved, notices, file: file?.path }
}

/** The hint for a configuration without tasks: usually the command was run outside the folder of the project. */
export function hintWithoutTasks(file: string | undefined): string {
  if (file !== undefined) return `Name your task modules in ${basename(file)}: tasks: ['./tasks/*.ts']`
  return `No worker.config.ts is in ${process.cwd()} or above it: go to the folder of your project, give the path with -A, or begin a project with twq init.`
}

function unreadFiles(file: ConfigFile | undefined): readonly string[] {
  const unread = file?.unread ?? []
  if (file === undefined || unread.length === 0) return []
  const names = unread.map((path) => basename(path)).join(', ')
  return [
    `${basename(file.path)} is the configuration; ${names} beside it ${unread.length > 1 ? 'are' : 'is'} not read`,
  ]
}
