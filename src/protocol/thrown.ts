import { inspect } from 'node:util'

/**
 * Anything may be thrown: objects whose getters throw, proxies, null. These look at it without ever throwing themselves.
 */

/** A property of whatever was thrown; undefined where there is none, or where it can't be read. */
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
    return inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
  } catch {
    return `an unreadable ${typeof thrown}`
  }
}
