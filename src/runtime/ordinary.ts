/**
 * Gives the objects in a value that was read from the wire the usual prototype, in place, for code that is not ours: it may
 * print them, compare them, and ask them for `hasOwnProperty`. A key `__proto__` stays a key, as `JSON.parse` has it.
 */
export function ordinary<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (const member of value) ordinary(member)
  } else if (Object.getPrototypeOf(value) === null) {
    for (const key of Object.keys(value)) ordinary((value as Record<string, unknown>)[key])
    Object.setPrototypeOf(value, Object.prototype)
  }
  return value
}
