import { type Message, visibleCopies } from './message.ts'
import {
  arrayElements,
  asEdited,
  longOf,
  nestedFields,
  type RawField,
  raw,
  tableFields,
  textOf,
  writeFields,
} from './raw-table.ts'

/** Why a message left its queue without being consumed, in the words of `x-death`. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'

/** One end of a message in one queue. */
export interface Death {
  readonly queue: string
  readonly reason: DeathReason
  /** Seconds since the epoch. */
  readonly time: number
}

/**
 * The message that goes to the dead-letter exchange: the same body, without its expiration, and with the death recorded
 * in `x-death` and `x-first-death-*` exactly as RabbitMQ 3.10 records it (a queue and reason seen before is counted up
 * and moved to the front).
 */
export function deadLetter(
  message: Message,
  death: Death,
  target: { readonly exchange: string; readonly routingKey: string | undefined },
): Message {
  const { expiration, ...properties } = message.properties
  const fields = tableFields(message.headers ?? new Uint8Array())
  const before = deathsIn(fields)
  const isSame = (one: RawField[]) =>
    textOf(fieldNamed(one, 'queue')) === death.queue && textOf(fieldNamed(one, 'reason')) === death.reason
  const known = before.find(isSame)
  const record = known === undefined ? newRecord(message, death, expiration) : countedUp(known)
  const others = before.filter((one) => one !== known)
  const headers = new Map(fields.map(({ name, value }) => [name, value]))
  if (!headers.has('x-death')) {
    headers.set('x-first-death-exchange', raw.text(message.exchange))
    headers.set('x-first-death-queue', raw.text(death.queue))
    headers.set('x-first-death-reason', raw.text(death.reason))
  }
  headers.set(
    'x-death',
    raw.array([raw.table(before.length === 0 ? record : asEdited(record)), ...others.map(raw.table)]),
  )
  if (target.routingKey !== undefined) headers.delete('CC')
  return {
    exchange: target.exchange,
    routingKeys: target.routingKey === undefined ? message.routingKeys : [target.routingKey],
    properties,
    headers: writeFields(asEdited([...headers].map(([name, value]) => ({ name, value })))),
    body: message.body,
  }
}

/** Whether a dead message has been in this queue before and came back without being rejected: it would circulate forever. */
export function isCycle(message: Message, queue: string): boolean {
  const deaths = deathsIn(tableFields(message.headers ?? new Uint8Array()))
  const last = deaths.findIndex((death) => textOf(fieldNamed(death, 'queue')) === queue)
  return last !== -1 && deaths.slice(0, last + 1).every((death) => textOf(fieldNamed(death, 'reason')) !== 'rejected')
}

// The order of the fields is that of RabbitMQ, which sorts them only once there is more than one record.
function newRecord(message: Message, death: Death, expiration: string | undefined): RawField[] {
  const keys = [message.routingKeys[0], ...visibleCopies(message.headers)]
  return [
    { name: 'count', value: raw.long(1n) },
    { name: 'reason', value: raw.text(death.reason) },
    { name: 'queue', value: raw.text(death.queue) },
    { name: 'time', value: raw.timestamp(death.time) },
    { name: 'exchange', value: raw.text(message.exchange) },
    { name: 'routing-keys', value: raw.array(keys.map(raw.text)) },
    ...(expiration === undefined ? [] : [{ name: 'original-expiration', value: raw.text(expiration) }]),
  ]
}

function countedUp(record: readonly RawField[]): RawField[] {
  const count = longOf(fieldNamed(record, 'count')) ?? 1n
  return [...record.filter(({ name }) => name !== 'count'), { name: 'count', value: raw.long(count + 1n) }]
}

function deathsIn(fields: readonly RawField[]): RawField[][] {
  const value = fieldNamed(fields, 'x-death')
  const elements = value === undefined ? undefined : arrayElements(value)
  return (elements ?? []).map(nestedFields).filter((death) => death !== undefined)
}

function fieldNamed(fields: readonly RawField[], name: string): Uint8Array | undefined {
  return fields.find((field) => field.name === name)?.value
}
