import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { readArray, readSignature, writeSignature } from '../signature.ts'
import { isName } from '../task-fields.ts'
import type { ResultTuple } from './chord.ts'

/** The task of a message that has a worker join a chord. No other worker than ours knows it, so it has a queue of its own. */
export const JOIN_TASK = 'twq.chord.join'
/** The durable queue of those messages, which the workers that join chords consume. */
export const JOIN_QUEUE = 'twq.chords'

/** Milliseconds that a chord may take: then it has failed. */
export const CHORD_LIFETIME = 86_400_000
/** Milliseconds after which RabbitMQ deletes the queue of a chord without a consumer: later than its end. */
export const CHORD_QUEUE_LIFETIME = CHORD_LIFETIME + 3_600_000

const PREFIX = 'twq.chord.'

/** A task of a header: its id, and the root of its tree, which the body inherits; null for itself. */
export interface QueuedMember {
  readonly id: string
  readonly rootId: string | null
}

/** A chord that is joined from a queue: the tasks of its header reply to it, and the worker that has all replies sends the body. */
export interface QueuedChord {
  readonly groupId: string
  /** In the order of what the body gets. */
  readonly members: readonly QueuedMember[]
  /** The form of what the body gets where that is no plain list. */
  readonly shape: ResultTuple | null
  readonly body: Json
  /** When it has failed at the latest, in milliseconds since the epoch. */
  readonly until: number
}

/** The queue that the tasks of a chord's header reply to. A message can't name another one. */
export function chordQueue(groupId: string): string {
  return `${PREFIX}${groupId}`
}

/** True for the reply queue of a chord: durable, so that what lies in it may outlive the broker. */
export function isChordQueue(queue: string): boolean {
  return queue.startsWith(PREFIX)
}

/** A chord as the named arguments of its message. */
export function writeQueuedChord({ groupId, members, shape, body, until }: QueuedChord): JsonObject {
  return { group_id: groupId, header: members.map(({ id, rootId }) => [id, rootId]), shape, body, until: until / 1000 }
}

/** Reads what {@link writeQueuedChord} wrote. Throws `TWQ_MESSAGE_MALFORMED` for what it did not. */
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
