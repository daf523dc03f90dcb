import { inspect } from 'node:util'
import { boundedFields } from '../../runtime/log/log-fields.ts'

/**
 * Anything may be thrown: objects whose getters throw, proxies, null. These look at it without ever throwing themselves.
 */

/** A property of a thrown value; undefined where there is none, or where it can't be read. */
export function propertyOf(thrown: unknown, key: PropertyKey): unknown {
  try {
    return (thrown as Record<PropertyKey, unknown> | null | undefined)?.[key]
  } catch {
    return undefined
  }
}

/** True for what has a message, as errors do; those of another realm included. */
export function isErrorLike(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && typeof propertyOf(thrown, 'message') === 'string'
}

/** The message of an error; the text of anything else. */
export function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (isErrorLike(thrown)) return String(propertyOf(thrown, 'message'))
  try {
    // Which bounds arrays, but no objects.
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
