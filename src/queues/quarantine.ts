import type { Delivery } from '../broker/broker.ts'
import { decodeBody } from '../protocol/body.ts'
import { isChordQueue } from '../protocol/chord/queued-chord.ts'
import { decodeFieldTable } from '../protocol/headers/decode-field-table.ts'
import { hasTableInBody, readQuarantineFacts, restoreQuarantined } from '../protocol/headers/quarantine.ts'
import { changeHeaders, type HeaderForms } from '../protocol/headers/raw-headers.ts'
import { resendable } from '../protocol/headers/resendable.ts'
import { deliveryCount, historyOf, MAY_HAVE_STARTED, readMarks, sendsElsewhere } from '../protocol/headers/suspect.ts'
import { isObject, readPlace } from '../protocol/task-fields.ts'
import type { Headers, Outgoing, WireMessage } from '../protocol/wire.ts'
import type { Json } from '../runtime/json.ts'
import { matchesGlob } from '../runtime/text/glob.ts'

/** A message that a worker set aside. */
export interface QuarantinedMessage {
  /** The task's id and name, where the original said them. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** A Celery-style exception name, and what exactly was wrong. */
  readonly reason: string
  readonly detail: string
  /** ISO 8601. */
  readonly time: string
  readonly node: string
  /** The queue it was consumed from. */
  readonly queue: string
  /** How many times it started without being settled, and a line for each time that it was moved, where there is any. */
  readonly starts: number | undefined
  readonly history: readonly string[]
  /** As it was first published; undefined for a message that no worker put here. */
  readonly original: Outgoing | undefined
}

/** Which messages are meant; without a field, all. */
export interface QuarantineFilter {
  /** A name, or a pattern like `emails.*`. */
  readonly task?: string | undefined
  readonly reason?: string | undefined
  readonly id?: string | undefined
  /** Set aside at this moment or later, and before that one; milliseconds since the epoch. */
  readonly since?: number | undefined
  readonly before?: number | undefined
}

/** True when `message` passes `filter`. One without a time of its own passes none that is about time. */
export function isMeant(message: QuarantinedMessage, filter: QuarantineFilter): boolean {
  const { task, reason, id, since, before } = filter
  const time = Date.parse(message.time)
  return (
    (task === undefined || (message.task !== undefined && matchesGlob(message.task, task))) &&
    (reason === undefined || message.reason === reason) &&
    (id === undefined || message.id === id) &&
    (since === undefined || time >= since) &&
    (before === undefined || time < before)
  )
}

/** What tells of the past of a message that was set aside. */
export type AsideDelivery = Pick<Delivery, 'headers' | 'redelivered'>

/**
 * The message that a replay publishes: the original, to its queue and no other, since through its exchange it might reach queues that
 * have dealt with it long ago. It is marked if it may have started before. Undefined for a message that no worker put here.
 */
export function replayOf({ original, queue }: QuarantinedMessage, delivery: AsideDelivery): Outgoing | undefined {
  if (original === undefined || queue === '') return undefined
  const { message } = original
  // An expiration has long passed, and a user id is checked against the publisher's.
  const changed = { ...message.properties, expiration: undefined, userId: undefined, deliveryMode: 2 }
  const route = { exchange: '', routingKey: queue }
  const forms = toOneQueue(message, mayHaveStarted(delivery) ? MAY_HAVE_STARTED : undefined)
  return { route, message: { ...message, ...forms, properties: resendable(changed) } }
}

/** Whether a replay can publish it: a worker put it here. */
export function isReplayable({ original, queue }: QuarantinedMessage): boolean {
  return original !== undefined && queue !== ''
}

/**
 * Whether the message of this copy, or what was sent in its place, may have started: the record says so, or the copy itself was delivered
 * before, perhaps to someone who sent it on and died before the acknowledgement. Not for one whose headers leave no room for a mark.
 */
export function mayHaveStarted({ headers, redelivered }: AsideDelivery): boolean {
  if (hasTableInBody(headers)) return false
  const marks = readMarks(headers)
  return redelivered || deliveryCount(headers) !== undefined || marks.redelivered || marks.starts > 0
}

function toOneQueue(message: WireMessage, set: Headers | undefined): HeaderForms {
  try {
    return changeHeaders(message, { drop: sendsElsewhere, set })
  } catch {
    // No table at all: nothing in it sends anything anywhere.
    return message
  }
}

/** Whether a chord has failed because this message was set aside: its task counted for one, or what was to follow it did. */
export function wasInChord({ original }: QuarantinedMessage): boolean {
  if (original === undefined) return false
  const { message } = original
  if (isChordQueue(message.properties.replyTo ?? '')) return true
  try {
    const body = decodeBody(message, { maxBodySize: Number.POSITIVE_INFINITY })
    const embed = Array.isArray(body) ? body[2] : isObject(body) ? body : undefined
    const { embed: place } = readPlace({ fields: { id: 'any' }, embed: embed as Json }, {}) ?? {}
    const isMember = (step: Json): boolean => isObject(step) && isObject(step.options) && isObject(step.options.chord)
    return isObject(place?.chord) || (place?.chain ?? []).some(isMember)
  } catch {
    return false
  }
}

/** Reads a message from a quarantine, also one that no worker put there. */
export function readQuarantined(delivery: Delivery): QuarantinedMessage {
  const { headers } = delivery
  const { reason = 'unknown', detail = '', time = '', node = '', queue = '', ...facts } = readQuarantineFacts(headers)
  return {
    ...facts,
    reason,
    detail,
    time,
    node,
    queue,
    history: historyOf(headers),
    original: restoreQuarantined(delivery),
  }
}

/** The original with its headers read: a copy holds them as bytes. */
export function withHeadersRead(original: Outgoing | undefined): Outgoing | undefined {
  if (original?.message.rawHeaders === undefined) return original
  const { route, message } = original
  const { fields, error } = decodeFieldTable(Buffer.from(original.message.rawHeaders))
  const read: WireMessage = { ...message, headers: fields, ...(error !== undefined && { headersError: error }) }
  return { route, message: read }
}
