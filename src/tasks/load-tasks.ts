import { existsSync, statSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { TwqError } from '../errors.ts'
import { loadModule } from '../runtime/process/load-typescript.ts'
import { filesOfPlainGlob } from '../runtime/process/plain-glob.ts'
import { isTask } from './brand.ts'
import type { RegisteredTask } from './registry.ts'
import type { AnyTask } from './task.ts'

const STARTS = 'Paths in `tasks` start at the folder of the configuration file, those of -I at the working directory.'

/** The tasks of the configured modules. */
export interface LoadedTasks {
  readonly tasks: readonly RegisteredTask[]
  /** Modules without a task, reported as a warning. */
  readonly warnings: readonly string[]
}

/**
 * Imports the configured modules, paths or globs relative to `baseDir`, and collects every exported task. Throws `TWQ_TASKS` for
 * a missing path, a glob without a match, and a module that can't be imported.
 */
export async function loadTasks(config: {
  readonly tasks: readonly (string | AnyTask)[]
  readonly baseDir: string
}): Promise<LoadedTasks> {
  const tasks: RegisteredTask[] = config.tasks.filter(isTask).map((task) => ({ task }))
  const warnings: string[] = []
  const patterns = config.tasks.filter((entry) => typeof entry === 'string')
  for (const file of await taskFiles(patterns, config.baseDir)) {
    const module = relative(process.cwd(), file)
    const found = Object.values(await loadModule(file, 'TWQ_TASKS')).filter(isTask)
    if (found.length === 0) warnings.push(`${module} exports no task`)
    // One task may be exported under several names, for example its own and `default`.
    for (const task of new Set(found)) tasks.push({ task, module })
  }
  return { tasks, warnings }
}

/**
 * The task modules, each file once, in the order of the patterns and alphabetically within a glob. Throws as {@link loadTasks}.
 */
export async function taskFiles(patterns: readonly string[], baseDir: string): Promise<readonly string[]> {
  const files = new Set<string>()
  for (const pattern of patterns) {
    for (const file of await filesMatching(pattern, baseDir)) files.add(file)
  }
  return [...files]
}

async function filesMatching(pattern: string, baseDir: string): Promise<readonly string[]> {
  const path = resolve(baseDir, pattern)
  const status = statSync(path, { throwIfNoEntry: false })
  if (status?.isFile()) return [path]
  if (status?.isDirectory()) {
    throw new TwqError('TWQ_TASKS', `tasks: "${pattern}" is a folder`, {
      hint: `Name the modules in it: '${pattern.replace(/\/+$/, '')}/*.ts'`,
    })
  }
  const matches = filesOfPlainGlob(pattern, baseDir) ?? (await filesOfGlob(pattern, baseDir))
  if (matches === undefined) {
    throw new TwqError('TWQ_TASKS', `tasks: there is no file ${path}`, { hint: extensionHint(pattern, path) })
  }
  if (matches.length > 0) return matches.sort()
  if (isAbsolute(pattern)) throw new TwqError('TWQ_TASKS', `tasks: no file matches "${pattern}"`, { hint: STARTS })
  throw new TwqError('TWQ_TASKS', `tasks: no file matches "${pattern}" in ${baseDir}`, { hint: STARTS })
}

/** The files that match a glob of any form; undefined for a path that is not a glob. */
async function filesOfGlob(pattern: string, baseDir: string): Promise<string[] | undefined> {
  const { glob, isDynamicPattern } = await import('tinyglobby')
  if (!isDynamicPattern(pattern)) return undefined
  return await glob(pattern, {
    cwd: baseDir,
    absolute: true,
    ignore: ['**/node_modules/**', '**/*.d.{ts,mts,cts}'],
    expandDirectories: false,
  })
}

function extensionHint(pattern: string, path: string): string {
  const extension = ['.ts', '.mts', '.js', '.mjs'].find((candidate) => existsSync(path + candidate))
  if (extension !== undefined) return `Did you mean "${pattern}${extension}"?`
  return isPackageName(pattern) ? `${STARTS}\n${packageHint(pattern)}` : STARTS
}

/** `@acme/tasks`, `tasks` or `tasks/mail`, as an import would name a package: not a path that says its folder or extension. */
function isPackageName(pattern: string): boolean {
  return /^(@[\w-][\w.-]*\/)?[\w-][\w.-]*(\/[\w.-]+)*$/.test(pattern) && !/\.([cm]?[jt]s|json)$/.test(pattern)
}

function packageHint(name: string): string {
  return `The tasks of a package are imported in the configuration: import { add } from '${name}', and tasks: [add].`
}
