import { relative } from 'node:path'
import { closest } from '../runtime/text/closest.ts'
import type { Found, Origin } from './found.ts'
import type { Option, OptionTable } from './options/option.ts'
import { type Problem, show, unknownKey } from './problems.ts'

/** Where values may come from, strongest last: defaults, Celery's environment names, the file, `TWQ_*`, flags. */
export interface ConfigSources {
  /** The configuration file, already loaded; its content is checked here. */
  readonly file?: { readonly path: string; readonly content: unknown } | undefined
  readonly env?: Environment | undefined
  /** By option key; texts as typed. */
  readonly flags?: Readonly<Record<string, string>> | undefined
  /** The texts that name a result backend, from the command that will open it; without them any text passes. */
  readonly resultBackends?: KnownTexts | undefined
  /** The folder that relative task paths start from: that of the file, else the working directory. */
  readonly baseDir: string
}

/** The texts that an option takes, where a layer above knows them. */
export interface KnownTexts {
  /** To follow "must be". */
  readonly expected: string
  accepts(text: string): boolean
}

type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT: Origin = 'default'

/** The strongest of the sources that have a value for the option of this key. */
export function find(
  key: string,
  option: Option,
  { flags, env = {}, ...sources }: ConfigSources,
  file: ReadonlyMap<string, unknown>,
): Found {
  const typed = flags?.[key]
  if (typed !== undefined) return { kind: 'flag', origin: option.flag?.long ?? key, text: typed }

  const own = option.env === undefined ? undefined : env[option.env]
  if (own !== undefined && own !== '') return { kind: 'env', origin: option.env as string, text: own }

  if (file.has(key)) return { kind: 'file', origin: fileName(sources), value: file.get(key) }

  for (const { name, old = false } of option.celeryEnv ?? []) {
    const text = env[name]
    if (text !== undefined && text !== '') return { kind: 'env', origin: name, text, old }
  }
  return { kind: 'default', origin: DEFAULT, value: option.default }
}

/** The file's values by option key. A key set to `undefined` counts as left out. */
export function readFile(
  sources: ConfigSources,
  table: OptionTable,
): {
  values: ReadonlyMap<string, unknown>
  problems: readonly Problem[]
} {
  const values = new Map<string, unknown>()
  const problems: Problem[] = []
  if (sources.file === undefined) return { values, problems }
  const origin = fileName(sources)
  const keys = Object.keys(table)

  const collect = (content: unknown, prefix: string): void => {
    if (!isPlainObject(content)) {
      const what = prefix === '' ? 'the configuration' : prefix.slice(0, -1)
      problems.push({ message: `${what} must be an object, got ${show(content)} (from ${origin})`, hint: undefined })
      return
    }
    for (const [name, value] of Object.entries(content)) {
      const key = prefix + name
      if (value === undefined) continue
      if (keys.includes(key)) values.set(key, value)
      else if (keys.some((known) => known.startsWith(`${key}.`))) collect(value, `${key}.`)
      else problems.push(unknownKey(key, origin, table))
    }
  }
  collect(sources.file.content, '')
  return { values, problems }
}

/** Notices about `TWQ_` variables that are no settings, and so have no effect. */
export function misspeltEnvironment(env: Environment, table: OptionTable): string[] {
  const known = Object.values(table).flatMap(({ env: name }) => name ?? [])
  return Object.keys(env).flatMap((name) => {
    // The project's own tests have variables, too.
    if (!name.startsWith('TWQ_') || name.startsWith('TWQ_TEST_') || known.includes(name)) return []
    const near = closest(name, known)
    const hint = near === undefined ? 'docs/configuration.md lists the settings' : `did you mean ${near}?`
    return [`${name} is not a setting and has no effect; ${hint}`]
  })
}

/** Notices about variables of Celery that the file overrides; in Celery it is the other way round. */
export function passedOver(
  key: string,
  { celeryEnv = [], env: own }: Option,
  found: Found,
  env: Environment,
): string[] {
  if (found.kind !== 'file') return []
  return celeryEnv.flatMap(({ name }) => {
    const text = env[name]
    if (text === undefined || text === '' || text === String(found.value)) return []
    return [`${name} has no effect: ${key} is set in ${found.origin}; remove it there, or set ${own}`]
  })
}

/** The path of the file, relative to the working directory. */
export function fileName({ file }: Pick<ConfigSources, 'file'>): string {
  return file === undefined ? DEFAULT : relative(process.cwd(), file.path) || file.path
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
