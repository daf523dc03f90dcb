import { messageOf } from '../errors.ts'
import { startOf } from '../runtime/text/cut-text.ts'
import { Refusal } from './refusal.ts'

/** The compressions of a body, by kombu's names. In kombu `gzip` is an alias for zlib's format. */
export type Compression = 'gzip' | 'zlib' | 'brotli'

/** The `compression` header for each, as kombu writes it (wire specification 2.6). */
const HEADERS: Readonly<Record<Compression, string>> = {
  gzip: 'application/x-gzip',
  zlib: 'application/x-gzip',
  brotli: 'application/x-brotli',
}

/** The header values of the formats that can be read. */
const FORMATS: ReadonlyMap<unknown, 'zlib' | 'brotli'> = new Map([
  ['application/x-gzip', 'zlib'],
  ['application/gzip', 'zlib'],
  ['application/zlib', 'zlib'],
  ['gzip', 'zlib'],
  ['zlib', 'zlib'],
  ['application/x-brotli', 'brotli'],
  ['brotli', 'brotli'],
])

/**
 * Their names, for an error message: kombu's `bzip2`, `lzma` and `zstd` are missing in some of the supported versions of Node.
 */
export const COMPRESSION_NAMES = "'gzip', 'zlib' or 'brotli'"

/** True for a compression that a sender may choose. */
export function isCompression(name: unknown): name is Compression {
  return typeof name === 'string' && Object.hasOwn(HEADERS, name)
}

/** A compressed body with its header. Compresses on the event loop. */
export function compress(body: Uint8Array, by: Compression): { readonly body: Uint8Array; readonly header: string } {
  const { deflateSync, brotliCompressSync, constants } = process.getBuiltinModule('node:zlib')
  // Brotli's default quality takes seconds for a megabyte.
  const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }
  return { body: by === 'brotli' ? brotliCompressSync(body, fast) : deflateSync(body), header: HEADERS[by] }
}

/** Decompresses a body, to at most `maxSize` bytes. Throws a {@link Refusal}. */
export function decompress(body: Uint8Array, compression: unknown, maxSize: number): Uint8Array {
  if (compression === undefined || compression === null || compression === '') return body
  const format = FORMATS.get(compression)
  if (format === undefined) {
    const name = typeof compression === 'string' ? startOf(compression, 64) : `of type ${typeof compression}`
    throw new Refusal('DecodeError', `compression ${name} is not supported: senders can use zlib, brotli, or none`)
  }
  try {
    // Loaded on first use: few senders compress, and every command would load it.
    const { brotliDecompressSync, gunzipSync, inflateSync } = process.getBuiltinModule('node:zlib')
    // The gzip format proper starts 1f 8b; a zlib stream never does.
    const inflateZlib = body[0] === 0x1f && body[1] === 0x8b ? gunzipSync : inflateSync
    return (format === 'brotli' ? brotliDecompressSync : inflateZlib)(body, { maxOutputLength: maxSize })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Refusal('DecodeError', `the body inflates to more than the ${maxSize} bytes allowed`)
    }
    throw new Refusal('DecodeError', `the body can't be inflated: ${messageOf(error)}`)
  }
}
