import type { ResultTuple } from '../protocol/chord/chord.ts'
import { CHORD_LIFETIME, chordQueue, JOIN_QUEUE, JOIN_TASK, writeQueuedChord } from '../protocol/chord/queued-chord.ts'
import { readSignature, writeSignature } from '../protocol/signature.ts'
import { encodeTask } from '../protocol/task/encode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { SendOptions } from '../tasks/sending.ts'
import { addressed } from './addressed.ts'
import { type ApplyContext, applySignature, type FollowUp } from './apply.ts'
import { chainOf } from './chain.ts'
import { freeze, type PlannedChord } from './freeze.ts'
import { replacementCall, standInOf } from './replacement.ts'

/** The messages to send if chords are joined from queues of their own. */
export interface WithQueuedChords {
  /** To be declared before. */
  readonly chordQueues: readonly string[]
  readonly messages: readonly FollowUp[]
  /** Ask a worker to join the chords; to be published last. */
  readonly joins: readonly FollowUp[]
  readonly child: ResultTuple | null
}

/** The message that asks a worker to join a chord, as a child of `parent`; it has the headers of the send. */
export function joinMessage(
  chord: PlannedChord,
  id: string,
  {
    now,
    origin,
    address,
    parent,
    headers,
  }: Pick<ApplyContext, 'now' | 'origin' | 'address'> & {
    readonly parent?: Parent | undefined
    readonly headers?: SendOptions['headers']
  },
): FollowUp {
  // Any worker may join it: the sender decides where the body runs.
  const body = writeSignature(addressed(readSignature(chord.body, 'body'), address))
  const kwargs = writeQueuedChord({ ...chord, body, until: now + CHORD_LIFETIME })
  const family = { rootId: parent?.rootId, parentId: parent?.id }
  const message = encodeTask({ id, task: JOIN_TASK, origin, kwargs, ignoreResult: true, headers, ...family }, { now })
  return {
    id,
    task: JOIN_TASK,
    queue: JOIN_QUEUE,
    outgoing: { route: { exchange: '', routingKey: JOIN_QUEUE }, message },
  }
}

type Parent = Pick<TaskMessage, 'id' | 'rootId'>

/**
 * Applies the signature with which a task replaced itself, as returned by {@link replacementOf}, if no result backend joins its
 * chords: as `client.send` sends them. Throws as that does, and `TWQ_CHORD_UNSUPPORTED` for a chord in a link. Pure.
 */
export function queuedReplacementOf(
  value: Parameters<typeof standInOf>[0],
  message: TaskMessage,
  ground: ApplyContext,
): WithQueuedChords {
  const standIn = standInOf(value, message, ground)
  const { chain, ...options } = replacementCall(message).options
  // The task's follow-ups now follow its replacement: the body, if that is a chord.
  const rest = Array.isArray(chain)
    ? chain.toReversed().map((step, index) => readSignature(step, `chain[${index}]`))
    : []
  const whole = rest.length === 0 ? standIn : chainOf([standIn, ...rest])
  const { signature, chords } = freeze(whole, {
    newId: ground.newId,
    replyTo: message.replyTo === '' ? undefined : message.replyTo,
    rootId: message.rootId,
    chords: 'queue',
    ...(message.group !== null && { place: { group_id: message.group, group_index: message.groupIndex } }),
  })
  const applied = applySignature(writeSignature(signature), { args: [], options }, { ...ground, current: message })
  const joins = chords.map((chord) => joinMessage(chord, ground.newId(), { ...ground, parent: message }))
  const chordQueues = chords.map(({ groupId }) => chordQueue(groupId))
  return { chordQueues, messages: applied.messages, joins, child: applied.child }
}
