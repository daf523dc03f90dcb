import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, resolve, sep } from 'node:path'
import { taskFiles } from '../../tasks/load-tasks.ts'

/** The files that a worker has loaded, and the files that it would load. */
export interface LoadedSources {
  readonly cwd: string
  /** The configuration file, if there is one. */
  readonly config: string | undefined
  /** The modules that were imported: task modules, the configuration, and all that these import. */
  readonly files: readonly string[]
  /** Paths and globs of task modules, and where they begin. */
  readonly tasks: readonly string[]
  readonly baseDir: string
}

// They say how modules below them are found and loaded.
const SETTINGS = /^(worker|twq)\.config\.\w+$|^(package|tsconfig)\.json$/
const LAZY = /\b(?:import|require|URL|Worker)\s*\(\s*['"`](\.{1,2}\/[^'"`\n]+)['"`]/g
const STATIC = /\b(?:from|import)\s*['"](\.{1,2}\/[^'"\n]+)['"]/g
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']

/** The files whose change asks for a new worker. */
export class ModuleGraph {
  readonly #loaded: LoadedSources
  readonly #files: Set<string>

  constructor(loaded: LoadedSources) {
    this.#loaded = loaded
    this.#files = new Set(loaded.files)
    if (loaded.config !== undefined) this.#files.add(loaded.config)
  }

  /** A module that was imported later, by a task that ran. */
  add(file: string): void {
    this.#files.add(file)
  }

  has(file: string): boolean {
    return this.#files.has(file)
  }

  /** Those of the changed files that matter: loaded, imported lazily, a new task module, or settings of any of them. */
  async concerned(changed: readonly string[]): Promise<readonly string[]> {
    const others = changed.filter((file) => !this.#files.has(file) && !this.#isSettings(file))
    if (others.length === 0) return changed
    const lazy = lazilyImported(this.#files)
    const tasks = await this.#taskModules()
    const apart = new Set(others.filter((file) => !lazy.has(file) && !tasks.includes(file)))
    return changed.filter((file) => !apart.has(file))
  }

  /** Ignores patterns that match nothing: the start of the worker reports them. */
  async #taskModules(): Promise<readonly string[]> {
    const { tasks, baseDir } = this.#loaded
    const matching = tasks.map((pattern) => taskFiles([pattern], baseDir).catch((): readonly string[] => []))
    return (await Promise.all(matching)).flat()
  }

  #isSettings(file: string): boolean {
    if (!SETTINGS.test(basename(file))) return false
    const folder = dirname(file)
    return [this.#loaded.cwd, ...this.#files].some((path) => path === folder || path.startsWith(folder + sep))
  }
}

/**
 * What the modules would import while a task runs, and all that this imports: read from their text, since the worker loads
 * it only then, and a thread or process of the pool without telling.
 */
function lazilyImported(files: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>()
  const follow = (file: string, pattern: RegExp): void => {
    for (const [, specifier] of textOf(file).matchAll(pattern)) {
      const path = moduleAt(resolve(dirname(file), specifier as string))
      if (path === undefined || files.has(path) || found.has(path)) continue
      found.add(path)
      follow(path, LAZY)
      follow(path, STATIC)
    }
  }
  for (const file of files) follow(file, LAZY)
  return found
}

/** The file that a specifier means: itself, TypeScript under its JavaScript name, without its extension, or a folder's index. */
function moduleAt(path: string): string | undefined {
  const stem = path.slice(0, path.length - extname(path).length)
  const typescript = path.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')
  const candidates = [
    path,
    typescript,
    `${stem}.tsx`,
    ...EXTENSIONS.flatMap((extension) => [path + extension, resolve(path, `index${extension}`)]),
  ]
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile())
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
