import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { readArray, readSignature, writeSignature } from '../signature.ts'
import { isName } from '../task-fields.ts'
import type { ResultTuple } from './chord.ts'

/** The name of the task that asks a worker to join a chord. Only twq's workers know it, so it has its own queue. */
export const JOIN_TASK = 'twq.chord.join'
/** The durable queue of those messages, consumed by the workers that join chords. */
export const JOIN_QUEUE = 'twq.chords'

/** Milliseconds that a chord may take; after that it has failed. */
export const CHORD_LIFETIME = 86_400_000
/** Milliseconds after which RabbitMQ deletes the queue of a chord without a consumer: later than the chord's own limit. */
export const CHORD_QUEUE_LIFETIME = CHORD_LIFETIME + 3_600_000

const PREFIX = 'twq.chord.'

/** A header task: its id and the root of its task tree, which the body inherits; null for itself. */
export interface QueuedMember {
  readonly id: string
  readonly rootId: string | null
}

/** A chord joined through a queue: the tasks of its header reply to it, and the worker that has all replies sends the body. */
export interface QueuedChord {
  readonly groupId: string
  /** In the order of the body's argument. */
  readonly members: readonly QueuedMember[]
  /** The shape of the body's argument if it is not a plain list. */
  readonly shape: ResultTuple | null
  readonly body: Json
  /** The time by which it has failed, in milliseconds since the epoch. */
  readonly until: number
}

/** The queue that the header tasks of a chord reply to. It follows from the chord's id, so a message can't name another queue. */
export function chordQueue(groupId: string): string {
  return `${PREFIX}${groupId}`
}

/** True for the reply queue of a chord. Such a queue is durable, so its messages should survive a restart of the broker. */
export function isChordQueue(queue: string): boolean {
  return queue.startsWith(PREFIX)
}

/** A chord as the keyword arguments of its message. */
export function writeQueuedChord({ groupId, members, shape, body, until }: QueuedChord): JsonObject {
  return { group_id: groupId, header: members.map(({ id, rootId }) => [id, rootId]), shape, body, until: until / 1000 }
}

/** Parses what {@link writeQueuedChord} wrote. Throws `TWQ_MESSAGE_MALFORMED` for anything else. */
export function readQueuedChord({ group_id: groupId, header, shape, body, until }: JsonObject): QueuedChord {
  if (!isName(groupId) || !isName(chordQueue(groupId))) throw malformed('group_id')
  if (typeof until !== 'number' || !Number.isFinite(until)) throw malformed('until')
  const members = readArray(header, 'header').map(readMember)
  if (members.length === 0) throw malformed('header')
  return {
    groupId,
    members,
    shape: Array.isArray(shape) ? (shape as unknown as ResultTuple) : null,
    body: writeSignature(readSignature(body, 'body')),
    until: until * 1000,
  }
}

function readMember(member: Json): QueuedMember {
  const [id, rootId] = Array.isArray(member) ? member : []
  if (!isName(id)) throw malformed('header')
  return { id, rootId: isName(rootId) ? rootId : null }
}

function malformed(field: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', `${field} of a ${JOIN_TASK} message can't be used`)
}
