/** A reference or a number in an array or an object, with its share of what surrounds it. */
const SLOT = 16
/** The bytes of an empty text, array or object. */
const BASE = 32

/** About how many bytes of memory a decoded value holds; texts count as UTF-16, which is what they cost at most. */
export function heldSize(value: unknown): number {
  if (typeof value === 'string') return BASE + 2 * value.length
  if (typeof value !== 'object' || value === null) return SLOT
  if (value instanceof Uint8Array) return BASE + value.byteLength
  let size = BASE
  if (Array.isArray(value)) {
    for (const member of value) size += SLOT + heldSize(member)
    return size
  }
  for (const name in value) size += SLOT + 2 * name.length + heldSize((value as Record<string, unknown>)[name])
  return size
}
