import { assemble } from './assemble.ts'
import type { Config } from './config.ts'
import type { Found, Origin } from './found.ts'
import { tooLong, withoutEffect } from './notices.ts'
import type { Option, OptionTable } from './options/option.ts'
import { type OptionKey, type OptionValues, options } from './options.ts'
import { configError, invalid, limitProblems, type Problem } from './problems.ts'
import { type ConfigSources, fileName, find, misspeltEnvironment, passedOver, readFile } from './sources.ts'

/** A configuration, the origin of each value, and notices. */
export interface ResolvedConfig {
  readonly config: Config
  /** By option key. */
  readonly origins: ReadonlyMap<string, Origin>
  /** Warnings that do not prevent the start. */
  readonly notices: readonly string[]
}

/**
 * The configuration in force: flag over `TWQ_*` over file over Celery's environment over default. Throws `TWQ_CONFIG` that
 * lists every problem at once.
 */
export function resolveConfig(sources: ConfigSources): Config {
  return resolveWithOrigins(sources).config
}

/** As {@link resolveConfig}, with the origin of each value. A `table` has all options, and may have more. */
export function resolveWithOrigins(sources: ConfigSources, table: OptionTable = options): ResolvedConfig {
  const { env = {} } = sources
  const file = readFile(sources, table)
  const problems: Problem[] = [...file.problems]
  const notices: string[] = misspeltEnvironment(env, table)
  const values = new Map<string, unknown>()
  const origins = new Map<string, Origin>()

  for (const [key, option] of Object.entries(table)) {
    const found = find(key, option, sources, file.values)
    const { parser } = option
    const meant = celeryValue(option, found)
    if (meant !== undefined)
      notices.push(`${key} '${found.text ?? found.value}' is Celery's word for '${meant}' (from ${found.origin})`)
    const value = meant ?? (found.text === undefined ? parser.fromValue(found.value) : parser.fromText(found.text))
    if (found.old) notices.push(`${found.origin} is an old name, heard as ${option.env}; set that one instead`)
    notices.push(...passedOver(key, option, found, env))
    const known = key === 'resultBackend' ? sources.resultBackends : undefined
    if (value === undefined && found.kind !== 'default') problems.push(...invalid(key, option, found))
    else if (typeof value === 'string' && known?.accepts(value) === false) {
      problems.push(...invalid(key, option, found, known.expected))
    }
    values.set(key, value)
    origins.set(key, found.origin)
  }
  // If a flag or variable names the queues, their settings still come from the file.
  const described = file.values.get('queues')
  const inFile = described === undefined ? [] : options.queues.parser.fromValue(described)
  if (inFile === undefined && origins.get('queues') !== fileName(sources)) {
    problems.push(...invalid('queues', options.queues, { kind: 'file', origin: fileName(sources), value: described }))
  }
  const read = <K extends OptionKey>(key: K): OptionValues[K] => values.get(key) as OptionValues[K]
  problems.push(...limitProblems(read, origins))
  if (problems.length > 0) throw configError(problems)
  const config = assemble(read, Object.keys(table), inFile ?? [], sources.baseDir)
  notices.push(...withoutEffect(read), ...tooLong(read))
  return { config, origins, notices }
}

/** Celery's word, where it was used for a value of ours. */
function celeryValue({ celeryValues: words = {} }: Option, { text, value }: Found): unknown {
  const said = text ?? value
  if (typeof said !== 'string') return undefined
  // Celery writes the levels of logs in capitals.
  const word = said.toLowerCase()
  return Object.hasOwn(words, word) ? words[word] : undefined
}
