import { messageOf } from '../errors.ts'
import { Refusal } from './refusal.ts'

/** The values of the `compression` header for the zlib format, which Celery calls gzip (wire specification 2.6). */
const ZLIB_NAMES: ReadonlySet<string> = new Set([
  'application/x-gzip',
  'application/gzip',
  'application/zlib',
  'gzip',
  'zlib',
])

/** The body as it was before compression: never more than `maxSize` bytes. Throws a {@link Refusal}. */
export function decompress(body: Uint8Array, compression: unknown, maxSize: number): Uint8Array {
  if (compression === undefined || compression === null || compression === '') return body
  if (typeof compression !== 'string' || !ZLIB_NAMES.has(compression)) {
    const name = typeof compression === 'string' ? compression.slice(0, 64) : `of type ${typeof compression}`
    throw new Refusal('DecodeError', `compression ${name} is not supported: senders can use zlib, or none`)
  }
  try {
    // Few senders compress, and every command would load it.
    const { gunzipSync, inflateSync } = process.getBuiltinModule('node:zlib')
    // The gzip format proper starts 1f 8b; a zlib stream never does.
    const inflate = body[0] === 0x1f && body[1] === 0x8b ? gunzipSync : inflateSync
    return inflate(body, { maxOutputLength: maxSize })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Refusal('DecodeError', `the body inflates to more than the ${maxSize} bytes allowed`)
    }
    throw new Refusal('DecodeError', `the body can't be inflated: ${messageOf(error)}`)
  }
}
