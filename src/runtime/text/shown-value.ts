import { cutText } from './cut-text.ts'
import { maskPasswords } from './mask-passwords.ts'

const LONGEST = 100
/** Formatting a larger one takes long. */
const SHOWN_BITS = 256

/**
 * An invalid value for an error message: a text quoted, cut and with passwords in URLs masked; a number as JavaScript writes it;
 * of an object or array only its kind. Never throws, even if its getters do.
 */
export function shownValue(value: unknown, longest: number = LONGEST): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(cutText(maskPasswords(value), longest))
    case 'bigint':
      return BigInt.asIntN(SHOWN_BITS, value) === value ? `${value}n` : 'a bigint'
    case 'function':
    case 'symbol':
      return `a ${typeof value}`
    case 'object':
      return value === null ? 'null' : isArray(value) ? 'an array' : 'an object'
    default:
      return String(value)
  }
}

/** A revoked proxy throws here. */
function isArray(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}
