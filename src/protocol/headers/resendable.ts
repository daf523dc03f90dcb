import type { Properties } from '../wire.ts'

/** Bytes of a text among the properties of a message. */
const LONGEST = 255

/**
 * The properties of a message as they can be published again. Two that were delivered can not: a text of 255 bytes that
 * is not UTF-8 has grown while it was read, and of a timestamp near 2^64 only the nearest double is known.
 */
export function resendable(properties: Properties): Properties {
  if (Object.values(properties).every(fits)) return properties
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, fits(value) ? value : shortened(value)]),
  )
}

function fits(value: string | number | undefined): boolean {
  if (typeof value === 'string') return value.length * 3 <= LONGEST || Buffer.byteLength(value) <= LONGEST
  return value === undefined || value <= Number.MAX_SAFE_INTEGER
}

function shortened(value: string | number | undefined): string | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value)
  let end = LONGEST
  // Not in the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
