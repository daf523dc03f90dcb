import { messageOf } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { decompress } from './compression.ts'
import { parseJson } from './json.ts'
import { Refusal } from './refusal.ts'
import type { Properties, WireMessage } from './wire.ts'

/** The content type and encoding of everything that twq writes. */
export const JSON_CONTENT = { contentType: 'application/json', contentEncoding: 'utf-8' } as const

/** kombu's names for the content types that carry more than data, or that twq does not read. */
const SERIALISERS: ReadonlyMap<string, string> = new Map([
  ['application/x-python-serialize', 'pickle'],
  ['application/x-yaml', 'yaml'],
  ['application/x-msgpack', 'msgpack'],
])

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii', 'binary'])

/**
 * The value of a message body: inflated, and read as JSON, the only content type accepted. Throws a {@link Refusal};
 * content of another type is refused before a byte of it is looked at.
 */
export function decodeBody(wire: WireMessage, limits: { readonly maxBodySize: number }): Json {
  checkContent(wire.properties)
  if (wire.body.length > limits.maxBodySize) {
    throw new Refusal(
      'DecodeError',
      `the body has ${wire.body.length} bytes, more than the ${limits.maxBodySize} allowed`,
    )
  }
  const body = decompress(wire.body, wire.headers.compression, limits.maxBodySize)
  try {
    return parseJson(body, { maxSize: limits.maxBodySize })
  } catch (error) {
    throw new Refusal('DecodeError', `the body can't be decoded: ${messageOf(error)}`)
  }
}

function checkContent({ contentType, contentEncoding }: Properties): void {
  if (!contentType) {
    // What kombu takes for application/data.
    throw new Refusal('DecodeError', 'the message has no content type, so its body counts as raw data')
  }
  const type = mediaType(contentType)
  if (type !== JSON_CONTENT.contentType) {
    // Celery's words; people search for them.
    const name = SERIALISERS.get(type) ?? type
    throw new Refusal('ContentDisallowed', `Refusing to deserialize untrusted content of type ${name} (${type})`)
  }
  if (contentEncoding && !UTF8_NAMES.has(contentEncoding.toLowerCase())) {
    throw new Refusal('DecodeError', `content encoding ${contentEncoding} is not supported: JSON is sent as utf-8`)
  }
}

/** `Application/JSON; charset=utf-8` → `application/json`. */
function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}
