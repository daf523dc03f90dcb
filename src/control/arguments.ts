import { pythonRepr } from '../protocol/python-repr.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { cutText } from '../runtime/text/cut-text.ts'
import type { ControlCommand } from './command.ts'

/** Python's complaint when a command lacks arguments, as Celery answers it. Throws. */
export function requireArguments(command: string, args: JsonObject, names: readonly string[]): void {
  const missing = names.filter((name) => args[name] === undefined)
  if (missing.length === 0) return
  const listed = missing.map((name) => `'${name}'`).join(' and ')
  const plural = missing.length === 1 ? 'argument' : 'arguments'
  const text = `${command}() missing ${missing.length} required positional ${plural}: ${listed}`
  throw new Error(`TypeError("${text}")`)
}

// What a worker remembers of revocations.
const MOST_TEXTS = 50_000
// No id and no stamp is longer (wire specification 2.2).
const LONGEST_TEXT = 255
// Of so many the answer says which.
const MOST_REPEATED = 1_000

/**
 * Celery's `maybe_list`: one value, several, or none; as texts. Throws in Python's words where there are more than 50,000,
 * or one is longer than 255 bytes: no task has such an id.
 */
export function textsOf(name: string, value: Json | undefined): string[] {
  if (value === undefined || value === null) return []
  const members: readonly Json[] = Array.isArray(value) ? value : [value]
  if (members.length > MOST_TEXTS) {
    throw new Error(`ValueError(${pythonRepr(`${name} must be at most ${MOST_TEXTS} texts`)})`)
  }
  return members.map((member) => textOf(name, member))
}

/** One of these texts. */
export function textOf(name: string, value: Json): string {
  const text = typeof value === 'string' ? value : isScalar(value) ? String(value) : undefined
  if (text !== undefined && Buffer.byteLength(text) <= LONGEST_TEXT) return text
  throw new Error(`ValueError(${pythonRepr(`${name} must be a text of at most ${LONGEST_TEXT} bytes`)})`)
}

function isScalar(value: Json): boolean {
  return typeof value !== 'object' || value === null
}

/** A set of texts as Python prints it; of a large one the first thousand. */
export function setRepr(texts: readonly string[]): string {
  if (texts.length === 0) return 'set()'
  const different = [...new Set(texts)]
  const shown = different.slice(0, MOST_REPEATED).map((text) => pythonRepr(text))
  return `{${shown.join(', ')}${different.length > MOST_REPEATED ? ', ...' : ''}}`
}

/** Python's complaint about an argument that a command does not know. Throws. */
export function rejectUnknown({ name, only }: Pick<ControlCommand, 'name' | 'only'>, args: JsonObject): void {
  const unknown = only && Object.keys(args).find((argument) => !only.includes(argument))
  if (unknown === undefined) return
  throw new Error(
    `TypeError("${name}() got an unexpected keyword argument ${pythonRepr(cutText(unknown, LONGEST_TEXT))}")`,
  )
}

/** A whole number, also one that is written as text; `fallback` where nothing is given. Throws in Python's words. */
export function wholeNumberOf(name: string, value: Json | undefined, fallback: number | undefined): number | undefined {
  if (value === undefined || value === null) return fallback
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`TypeError(${pythonRepr(`${name} must be a whole number`)})`)
}

/** Seconds, a number or a text, as milliseconds; `undefined` for none or 0. Throws in Python's words. */
export function secondsOf(name: string, value: Json | undefined): number | undefined {
  if (value === undefined || value === null) return undefined
  const seconds = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof seconds === 'number' && seconds >= 0 && seconds < LONGEST_SECONDS) {
    return seconds === 0 ? undefined : seconds * 1000
  }
  throw new Error(`TypeError(${pythonRepr(`${name} must be a number of seconds`)})`)
}

// A thousand years.
const LONGEST_SECONDS = 31_536_000_000
