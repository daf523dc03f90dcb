import { decodeFieldTable } from '../../protocol/headers/decode-field-table.ts'
import type { Headers, Properties } from '../../protocol/wire.ts'
import { LONGEST_TTL } from './queue-settings.ts'
import { arrayElements, type RawField, tableFields, textOf, typeOf, writeFields } from './raw-table.ts'
import { preconditionFailed, REPLY, Refusal } from './refusal.ts'

/** A message as the broker keeps it: the header table stays the bytes that the publisher sent. */
export interface Message {
  /** Where it was published; the dead-letter exchange once it died. */
  readonly exchange: string
  /** The key it was published with, then those of its `CC` and `BCC` headers. */
  readonly routingKeys: readonly [string, ...string[]]
  readonly properties: Properties
  /** The header table without its length prefix; undefined when the message has none. */
  readonly headers: Uint8Array | undefined
  readonly body: Uint8Array
}

/** Takes in what a publisher sent: expands `CC` and `BCC`, checks `expiration`. Throws a refusal with RabbitMQ's words. */
export function createMessage(published: {
  readonly exchange: string
  readonly routingKey: string
  readonly properties: Properties
  readonly headers: Uint8Array | undefined
  readonly body: Uint8Array
}): Message {
  const { exchange, routingKey, properties, headers, body } = published
  checkExpiration(properties.expiration)
  const { copies, visible } = sendersCopies(headers)
  return { exchange, routingKeys: [routingKey, ...copies], properties, headers: visible, body }
}

/** Milliseconds to live by the message's own wish. */
export function ownTtl(message: Message): number {
  const { expiration } = message.properties
  return expiration === undefined ? Number.POSITIVE_INFINITY : Number(expiration)
}

/** The headers decoded; empty where the table can't be represented. */
export function headersOf(message: Message): Headers {
  return decodeFieldTable(Buffer.from(message.headers ?? [])).fields
}

/** The keys that a `CC` header names, as the dead-letter record lists them. */
export function visibleCopies(headers: Uint8Array | undefined): string[] {
  return headers === undefined ? [] : routesIn(tableFields(headers).find((field) => field.name === 'CC')?.value, 'CC')
}

function checkExpiration(expiration: string | undefined): void {
  if (expiration === undefined) return
  const refuse = (why: string) => preconditionFailed(`invalid expiration '${expiration}': ${why}`)
  const [digits] = /^[+-]?\d+/.exec(expiration) ?? []
  if (digits === undefined) throw refuse('no_integer')
  if (digits.length < expiration.length) throw refuse(`{leftover_string,"${expiration.slice(digits.length)}"}`)
  const value = Number(digits)
  if (value < 0) throw refuse(`{value_negative,${value}}`)
  if (value > LONGEST_TTL) throw refuse(`{value_too_large,${value}}`)
}

// Sender-selected distribution: a BCC header is acted upon and taken out, so that no consumer sees it.
function sendersCopies(headers: Uint8Array | undefined): { copies: string[]; visible: Uint8Array | undefined } {
  if (headers === undefined || headers.length === 0) return { copies: [], visible: headers }
  const fields = readFields(headers)
  const cc = fields.find((field) => field.name === 'CC')
  const bcc = fields.find((field) => field.name === 'BCC')
  if (cc === undefined && bcc === undefined) return { copies: [], visible: headers }
  return {
    copies: [...routesIn(cc?.value, 'CC'), ...routesIn(bcc?.value, 'BCC')],
    visible: bcc === undefined ? headers : writeFields(fields.filter((field) => field !== bcc)),
  }
}

function readFields(headers: Uint8Array): RawField[] {
  try {
    return tableFields(headers)
  } catch {
    // RabbitMQ's reader crashes here, and says no more than this.
    throw new Refusal(REPLY.internalError, 'INTERNAL_ERROR')
  }
}

function routesIn(value: Uint8Array | undefined, header: string): string[] {
  if (value === undefined) return []
  const elements = arrayElements(value)
  if (elements === undefined)
    throw preconditionFailed(`invalid message: {unacceptable_type_in_header,"${header}",${typeOf(value)}}`)
  return elements.map(textOf).filter((key) => key !== undefined)
}
