import type { Properties } from '../wire.ts'

/** Bytes of a text among the properties of a message. */
const LONGEST = 255

/**
 * The properties of a message in a form that can be published again. Two delivered values can't be published as they are: a text
 * of 255 bytes that is not UTF-8 has grown while it was decoded, and a timestamp near 2^64 is only known as its nearest double.
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
  // Not inside a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
