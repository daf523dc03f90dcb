import { inspect } from 'node:util'
import { boundedFields } from '../../runtime/log/log-fields.ts'

/** Any value may be thrown: objects whose getters throw, proxies, null. These functions inspect it and never throw. */

/** A property of a thrown value; undefined if it is missing or can't be read. */
export function propertyOf(thrown: unknown, key: PropertyKey): unknown {
  try {
    return (thrown as Record<PropertyKey, unknown> | null | undefined)?.[key]
  } catch {
    return undefined
  }
}

/** True for a value with a message, as errors have, including those of another realm. */
export function isErrorLike(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && typeof propertyOf(thrown, 'message') === 'string'
}

/** The message of an error; any other value as text. */
export function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (isErrorLike(thrown)) return String(propertyOf(thrown, 'message'))
  try {
    // This limits arrays, but not objects.
    const shown = hasFewMembers(thrown) ? thrown : boundedFields({ thrown }).thrown
    return inspect(shown, { depth: LEVELS_SHOWN, breakLength: Number.POSITIVE_INFINITY })
  } catch {
    return `an unreadable ${typeof thrown}`
  }
}

const LEVELS_SHOWN = 2
const MOST_MEMBERS = 1_000

function hasFewMembers(thrown: unknown): boolean {
  let members = 0
  const count = (value: unknown, levels: number): boolean => {
    if (typeof value !== 'object' || value === null || levels === 0) return true
    for (const key in value) {
      members += 1
      if (members > MOST_MEMBERS || !count(propertyOf(value, key), levels - 1)) return false
    }
    return true
  }
  return count(thrown, LEVELS_SHOWN + 1)
}
