import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { cosmiconfig, type Loader, type PublicExplorer } from 'cosmiconfig'
import { messageOf, TwqError } from '../errors.ts'
import { loadModule } from '../runtime/load-typescript.ts'
import type { ConfigEnvironment } from './define-config.ts'

/** A configuration file that was found and loaded, its content not yet checked. */
export interface ConfigFile {
  readonly path: string
  readonly content: unknown
}

/** Where to look, and what a configuration that is a function is told. */
export interface FindOptions extends ConfigEnvironment {
  /** A file, or a folder that holds one, instead of a search; from `-A`. */
  readonly file?: string | undefined
  readonly cwd: string
}

const EXTENSIONS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'] as const

const SEARCH_PLACES = [
  ...['worker.config', 'twq.config'].flatMap((name) =>
    [...EXTENSIONS, 'json', 'yaml', 'yml'].map((extension) => `${name}.${extension}`),
  ),
  'package.json',
]

/**
 * Finds `worker.config.ts`, or one of its other spellings, in the working directory or above it, up to the root of the
 * project. `undefined` when there is none; `TWQ_CONFIG_FILE` when the file asked for does not exist or can't be loaded.
 */
export async function findConfig({ file, cwd, ...environment }: FindOptions): Promise<ConfigFile | undefined> {
  const explorer = cosmiconfig('worker', {
    searchPlaces: SEARCH_PLACES,
    packageProp: 'twq',
    searchStrategy: 'none',
    cache: false,
    loaders: Object.fromEntries(EXTENSIONS.map((extension) => [`.${extension}`, loadDefaultExport])),
  })
  const found = file === undefined ? await search(explorer, cwd) : await open(explorer, resolve(cwd, file))
  if (found === undefined) return undefined
  return typeof found.content === 'function' ? { ...found, content: await call(found, environment) } : found
}

async function search(explorer: PublicExplorer, cwd: string): Promise<ConfigFile | undefined> {
  for (const folder of foldersUpToProject(resolve(cwd))) {
    const found = await explorer.search(folder).catch((error: unknown) => {
      throw unreadable(folder, error)
    })
    if (found && !found.isEmpty) return { path: found.filepath, content: found.config }
  }
  return undefined
}

async function open(explorer: PublicExplorer, path: string): Promise<ConfigFile> {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) {
    throw new TwqError('TWQ_CONFIG_FILE', `there is no configuration file ${path}`, {
      hint: 'Give the path of a worker.config.ts with -A, or leave -A out to search for one.',
    })
  }
  try {
    const found = status.isDirectory() ? await explorer.search(path) : await explorer.load(path)
    if (found) return { path: found.filepath, content: found.config ?? {} }
  } catch (error) {
    throw unreadable(path, error)
  }
  throw new TwqError('TWQ_CONFIG_FILE', `there is no worker.config.ts in ${path}`)
}

/** The folder itself and those above it, up to the one that holds the whole project: a repository or a set of workspaces. */
function foldersUpToProject(start: string): readonly string[] {
  const folders: string[] = []
  for (let folder = start; ; folder = dirname(folder)) {
    folders.push(folder)
    if (isProjectRoot(folder)) return folders
    // Outside any project nothing above the start is ours to read.
    if (folder === dirname(folder)) return [start]
  }
}

function isProjectRoot(folder: string): boolean {
  if (existsSync(join(folder, '.git'))) return true
  try {
    return 'workspaces' in JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    return false
  }
}

const loadDefaultExport: Loader = async (path) => {
  const exports = await loadModule(path, 'TWQ_CONFIG_FILE')
  if (exports.default !== undefined) return exports.default
  throw new TwqError('TWQ_CONFIG_FILE', `${path} has no default export`, {
    hint: 'Write: export default defineConfig({ … })',
  })
}

async function call({ path, content }: ConfigFile, environment: ConfigEnvironment): Promise<unknown> {
  try {
    return await (content as (environment: ConfigEnvironment) => unknown)(environment)
  } catch (error) {
    throw new TwqError('TWQ_CONFIG_FILE', `the configuration function in ${path} failed: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function unreadable(path: string, error: unknown): TwqError {
  if (TwqError.is(error)) return error
  return new TwqError('TWQ_CONFIG_FILE', `could not read the configuration at ${path}: ${messageOf(error)}`, {
    cause: error,
  })
}
