/**
 * Gives objects decoded from the wire the usual prototype, in place, before user code sees them: it may print or compare them or
 * call `hasOwnProperty`. A key `__proto__` stays an own key, as with `JSON.parse`.
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
