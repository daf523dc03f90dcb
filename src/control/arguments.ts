import { pythonRepr } from '../protocol/python-repr.ts'
import type { Json, JsonObject } from '../runtime/json.ts'

/** Python's complaint when a command lacks arguments, as Celery answers it. Throws. */
export function requireArguments(command: string, args: JsonObject, names: readonly string[]): void {
  const missing = names.filter((name) => args[name] === undefined)
  if (missing.length === 0) return
  const listed = missing.map((name) => `'${name}'`).join(' and ')
  const plural = missing.length === 1 ? 'argument' : 'arguments'
  const text = `${command}() missing ${missing.length} required positional ${plural}: ${listed}`
  throw new Error(`TypeError("${text}")`)
}

/** Celery's `maybe_list`: one value, several, or none; as texts. */
export function textsOf(value: Json | undefined): string[] {
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map((member) =>
    typeof member === 'string' ? member : String(member),
  )
}

/** A set of texts as Python prints it. */
export function setRepr(texts: readonly string[]): string {
  return texts.length === 0 ? 'set()' : `{${[...new Set(texts)].map((text) => pythonRepr(text)).join(', ')}}`
}
