import { isAscii } from 'node:buffer'
import { messageOf } from '../errors.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { decompress } from './compression.ts'
import { parseJson } from './json.ts'
import { Refusal } from './refusal.ts'
import type { Properties, WireMessage } from './wire.ts'

/** The content type and encoding of every message that twq writes. */
export const JSON_CONTENT = { contentType: 'application/json', contentEncoding: 'utf-8' } as const

/** kombu's names for content types that carry more than data, or that twq does not read. */
const SERIALISERS: ReadonlyMap<string, string> = new Map([
  ['application/x-python-serialize', 'pickle'],
  ['application/x-yaml', 'yaml'],
  ['application/x-msgpack', 'msgpack'],
])

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii', 'binary'])

/**
 * Decodes a message body: decompressed, then parsed as JSON, the only accepted content type. Throws a {@link Refusal}; other
 * content types are refused before the body is read.
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
  const call = parseCall(body)
  if (call !== undefined) return call
  try {
    return parseJson(body, { maxSize: limits.maxBodySize })
  } catch (error) {
    throw new Refusal('DecodeError', `the body can't be decoded: ${messageOf(error)}`)
  }
}

/** The embed of a task without follow-ups. */
export const EMPTY_EMBED: JsonObject = Object.freeze(
  Object.assign(Object.create(null), { callbacks: null, errbacks: null, chain: null, chord: null }),
)

// As Python's json writes it after `[args, kwargs`.
const EMPTY_TAIL = Buffer.from(', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]')
/** Before it, if all arguments are positional. */
const NO_KWARGS = ', {}'
const EMPTY_KWARGS: JsonObject = Object.freeze(Object.create(null))
/** In longer bodies it is a small part. */
const SHORT_BODY = 4_096

/**
 * Parses `[args, kwargs, embed]` with Celery's empty embed by parsing only the part before the embed; undefined for any other
 * body. That part must be JSON by itself, so the end can't lie inside a string that only looks like the embed.
 */
function parseCall(body: Uint8Array): Json | undefined {
  const from = body.length - EMPTY_TAIL.length
  if (body.length > SHORT_BODY || from <= 0) return undefined
  for (let index = EMPTY_TAIL.length - 1; index >= 0; index--) {
    if (body[from + index] !== EMPTY_TAIL[index]) return undefined
  }
  const bytes = Buffer.from(body.buffer, body.byteOffset, from)
  if (!isAscii(bytes)) return undefined
  const beginning = bytes.toString('latin1')
  const unnamed = beginning.endsWith(NO_KWARGS)
  try {
    const call = parseJson(`${unnamed ? beginning.slice(0, -NO_KWARGS.length) : beginning}]`)
    if (!Array.isArray(call) || call.length !== (unnamed ? 1 : 2)) return undefined
    return [call[0] as Json, unnamed ? EMPTY_KWARGS : (call[1] as Json), EMPTY_EMBED]
  } catch {
    return undefined
  }
}

function checkContent({ contentType, contentEncoding }: Properties): void {
  if (contentType === JSON_CONTENT.contentType && contentEncoding === JSON_CONTENT.contentEncoding) return
  if (!contentType) {
    // The content types that kombu accepts for application/data.
    throw new Refusal('DecodeError', 'the message has no content type, so its body counts as raw data')
  }
  const type = mediaType(contentType)
  if (type !== JSON_CONTENT.contentType) {
    // Celery's wording, since people search for it.
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
