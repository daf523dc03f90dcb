import { TwqError } from '../errors.ts'
import { closest } from '../runtime/text/closest.ts'
import { maskPasswords } from '../runtime/text/mask-passwords.ts'
import { redactUrl } from '../runtime/text/redact-url.ts'
import { celeryAnswer } from './celery-settings.ts'
import type { Found, Origin } from './found.ts'
import type { Option, OptionTable } from './options/option.ts'
import type { Read } from './options.ts'

/** A mistake in a configuration, and how to correct it. */
export interface Problem {
  readonly message: string
  readonly hint: string | undefined
}

/** A key of the file that is no option of the table. */
export function unknownKey(key: string, origin: Origin, table: OptionTable): Problem {
  const keys = Object.keys(table)
  const answer = celeryAnswer(key)
  if (answer !== undefined) return { message: `${key} ${answer} (from ${origin})`, hint: undefined }
  const near = closest(key.replace(/_/g, ''), keys)
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return {
    message: `${key} is not a setting${question} (from ${origin})`,
    hint: near === undefined ? `The settings are: ${keys.join(', ')}.` : undefined,
  }
}

/** A value that its parser does not take, or that is not one of those `expected`. */
export function invalid(
  key: string,
  { parser, derived, default: fallback, isUrl, env, celeryEnv = [] }: Option,
  found: Found,
  expected = parser.expected,
): readonly Problem[] {
  const given = found.text ?? found.value
  const got = isUrl && typeof given === 'string' ? show(redactUrl(given)) : show(given)
  const parts =
    found.text === undefined ? (parser.problems?.(found.value) ?? []) : (parser.problemsOfText?.(found.text) ?? [])
  if (parts.length > 0) {
    return parts.map((part) => ({ message: maskPasswords(`${key}${part} (from ${found.origin})`), hint: undefined }))
  }
  const place = found.kind === 'file' ? `${key} in ${found.origin}` : found.origin
  // Celery takes more than is taken here, and its own programs may share the environment.
  const hint = celeryEnv.some(({ name }) => name === found.origin)
    ? `Set ${env}, or ${key} in the configuration file: both come before ${found.origin}, which Python may need as it is.`
    : `Correct ${place}, or remove it to use the default, ${derived ?? shownDefault(fallback)}.`
  return [{ message: `${key} must be ${expected}, got ${got} (from ${found.origin})`, hint }]
}

/** A soft time limit beyond the hard one, which no task would live to see; a value that could not be read has its own problem. */
export function limitProblems(read: Read, origins: ReadonlyMap<string, Origin>): readonly Problem[] {
  const [soft, hard] = [read('softTimeLimit'), read('timeLimit')]
  if (soft === undefined || hard === undefined || soft <= hard) return []
  const from = (key: string, ms: number): string => `${key} ${ms / 1_000} s (from ${origins.get(key)})`
  return [
    {
      message: `softTimeLimit must not be longer than timeLimit, got ${from('softTimeLimit', soft)} and ${from('timeLimit', hard)}`,
      hint: 'The attempt would end before its soft limit; give the soft limit some seconds less.',
    },
  ]
}

// Each line says what it may be; a hint for each would be as long again.
const SEVERAL = 'docs/configuration.md lists the settings with their values and defaults; one left out has its default.'

/** The `TWQ_CONFIG` that lists every problem. */
export function configError(problems: readonly Problem[]): TwqError {
  const messages = problems.map(({ message }) => message)
  const message =
    messages.length === 1
      ? (messages[0] as string)
      : `the configuration has ${messages.length} problems:${messages.map((line) => `\n  - ${line}`).join('')}`
  const [only] = problems
  const hint = problems.length === 1 ? only?.hint : SEVERAL
  return new TwqError('TWQ_CONFIG', message, { hint })
}

const LONGEST_SHOWN = 200

/** A value for messages: passwords masked, cut after a line or two. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint') return `${value}n`
  const text = maskPasswords(jsonOf(value) ?? String(value))
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
}

function jsonOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** A default as one would write it in the file. */
export function shownDefault(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : Array.isArray(value)
      ? `[${value.map(shownDefault).join(', ')}]`
      : typeof value === 'object' && value !== null
        ? `{ ${Object.entries(value)
            .map(([key, member]) => `${key}: ${shownDefault(member)}`)
            .join(', ')} }`
        : String(value)
}
