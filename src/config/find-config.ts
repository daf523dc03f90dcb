import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { Loader, PublicExplorer } from 'cosmiconfig'
import { messageOf, TwqError } from '../errors.ts'
import { loadError, loadModule } from '../runtime/process/load-typescript.ts'
import type { ConfigEnvironment } from './define-config.ts'
import { readPlainConfig } from './plain-config.ts'

/** A configuration file that was found and loaded, its content not yet checked. */
export interface ConfigFile {
  readonly path: string
  readonly content: unknown
  /** Other configuration files of the same folder, which are not read. */
  readonly unread?: readonly string[]
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
  const found = file === undefined ? await search(cwd) : await open(resolve(cwd, file))
  if (found === undefined) return undefined
  return typeof found.content === 'function' ? { ...found, content: await call(found, environment) } : found
}

async function search(cwd: string): Promise<ConfigFile | undefined> {
  for (const folder of foldersUpToProject(resolve(cwd))) {
    const found = await lookIn(folder)
    if (found !== undefined) return found
  }
  return undefined
}

async function open(path: string): Promise<ConfigFile> {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) {
    throw new TwqError('TWQ_CONFIG_FILE', `there is no configuration file ${path}`, {
      hint: "Give the path of a worker.config.ts with -A, or leave -A out to search for one. (Celery's -A names a module of Python.)",
    })
  }
  const found = status.isDirectory() ? await lookIn(path) : (plainly(path) ?? (await load(path)))
  if (found !== undefined) return found
  throw new TwqError('TWQ_CONFIG_FILE', `there is no worker.config.ts in ${path}`)
}

/** The configuration in a folder. The loader for all formats is imported only if there is a file. */
async function lookIn(folder: string): Promise<ConfigFile | undefined> {
  const candidates = SEARCH_PLACES.map((place) => join(folder, place)).filter(mayConfigure)
  const [first] = candidates
  if (first === undefined) return undefined
  const found = plainly(first) ?? (await explore(folder))
  // Most package.json that contain the word have it as a dependency.
  const others = candidates.filter((path) => path !== found?.path && basename(path) !== 'package.json')
  return found && { ...found, unread: others }
}

async function explore(folder: string): Promise<ConfigFile | undefined> {
  const explorer = await createExplorer()
  const found = await explorer.search(folder).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  return found && !found.isEmpty ? { path: found.filepath, content: found.config } : undefined
}

async function load(path: string): Promise<ConfigFile | undefined> {
  const explorer = await createExplorer()
  const found = await explorer.load(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  return found ? { path: found.filepath, content: found.config ?? {} } : undefined
}

function mayConfigure(path: string): boolean {
  if (!existsSync(path)) return false
  // Most package.json have no configuration of twq.
  return basename(path) !== 'package.json' || textOf(path)?.includes('"twq"') !== false
}

/** The configuration in a file that needs no loader; undefined for any other. */
function plainly(path: string): ConfigFile | undefined {
  if (!/^\.[cm]?ts$|^\.m?js$/.test(extname(path))) return undefined
  const text = textOf(path)
  try {
    const plain = text === undefined ? undefined : readPlainConfig(path, text)
    return plain && { path, content: plain.content }
  } catch (error) {
    throw loadError(path, 'TWQ_CONFIG_FILE', error)
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The loader says why.
    return undefined
  }
}

async function createExplorer(): Promise<PublicExplorer> {
  const { cosmiconfig } = await import('cosmiconfig')
  return cosmiconfig('worker', {
    searchPlaces: SEARCH_PLACES,
    packageProp: 'twq',
    searchStrategy: 'none',
    cache: false,
    loaders: Object.fromEntries(EXTENSIONS.map((extension) => [`.${extension}`, loadDefaultExport])),
  })
}

/** The folder itself and those above it, up to the one that holds the whole project: a repository or a set of workspaces. */
function foldersUpToProject(start: string): readonly string[] {
  const folders: string[] = []
  for (let folder = start; ; folder = dirname(folder)) {
    folders.push(folder)
    if (isProjectRoot(folder)) return folders
    // Outside a project, folders above the start are not searched.
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
