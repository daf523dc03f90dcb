import { isUtf8 } from 'node:buffer'
import type { Json } from '../runtime/json.ts'
import { formatTimestamp, parseTimestamp } from './timestamps.ts'

/** True for an object of exactly the two keys with which kombu marks a typed value (wire specification 2.5). */
export function isTagged(object: { readonly [key: string]: Json }): boolean {
  return Object.hasOwn(object, '__type__') && Object.hasOwn(object, '__value__') && Object.keys(object).length === 2
}

/**
 * Decodes a typed value. A type that kombu does not have, or a value that does not fit its type, stays a plain object: nothing is
 * looked up by name.
 */
export function untag(object: { readonly [key: string]: Json }): Json {
  const value = object.__value__
  switch (object.__type__) {
    case 'datetime': {
      const ms = typeof value === 'string' ? parseTimestamp(value) : undefined
      return ms === undefined ? object : new Date(ms)
    }
    case 'date':
    case 'time':
    case 'decimal':
      return typeof value === 'string' ? value : object
    case 'uuid':
      return uuidText(value) ?? object
    case 'bytes':
      return typeof value === 'string' ? bytes(value, 'utf8') : object
    case 'base64':
      return typeof value === 'string' ? bytes(value, 'base64') : object
    default:
      return object
  }
}

/** kombu's typed form of a date, as JSON text. The date must be one that {@link formatTimestamp} can write. */
export function tagDate(date: Date): string {
  return `{"__type__":"datetime","__value__":"${formatTimestamp(date.getTime())}"}`
}

/** kombu's typed form of bytes, as JSON text. */
export function tagBytes(value: Uint8Array): string {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return isUtf8(buffer)
    ? `{"__type__":"bytes","__value__":${JSON.stringify(buffer.toString('utf8'))}}`
    : `{"__type__":"base64","__value__":"${buffer.toString('base64')}"}`
}

function bytes(text: string, encoding: 'utf8' | 'base64'): Uint8Array {
  return new Uint8Array(Buffer.from(text, encoding))
}

/** `{"hex": 32 digits}` as a UUID with dashes. */
function uuidText(value: Json | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !('hex' in value)) return undefined
  const hex = value.hex
  if (typeof hex !== 'string' || !/^[0-9a-fA-F]{32}$/.test(hex)) return undefined
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join('-')
    .toLowerCase()
}
