import { randomUUID } from 'node:crypto'
import { type ApplyContext, applySignature, type FollowUp } from '../canvas/apply.ts'
import { type FreezeFacts, freeze } from '../canvas/freeze.ts'
import type { Node } from '../canvas/node.ts'
import { joinMessage } from '../canvas/queued-chords.ts'
import { celeryOptions, composedJson, fieldsOf, withLinks } from '../canvas/signature.ts'
import { stamped } from '../canvas/stamped.ts'
import type { ChordStart, ResultTuple } from '../protocol/chord/chord.ts'
import { chordQueue } from '../protocol/chord/queued-chord.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import { checkSendOptions } from '../tasks/send-options.ts'
import type { SendOptions } from '../tasks/sending.ts'
import type { Router } from './router.ts'

/** The context that a workflow's messages are built in. */
export interface CanvasFacts {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where results go when they are wanted. */
  readonly replyTo: string | undefined
  readonly router: Pick<Router, 'address'>
  /** Who joins chords. */
  readonly chords: FreezeFacts['chords']
  /** The message of the task that sends. */
  readonly parent?: TaskMessage | undefined
  /** True: what has no priority of its own gets that of the task that sends. */
  readonly inheritPriority?: boolean
  /** A new id; for tests. */
  readonly newId?: () => string
}

/** The messages that start a workflow, and what will come of them. */
export interface PreparedCanvas {
  /** To be announced to the result backend before. */
  readonly announced: readonly ChordStart[]
  /** The queues that chords are joined from, to be declared before. */
  readonly chordQueues: readonly string[]
  readonly messages: readonly FollowUp[]
  /** The entry in the `children` of the task that sends it. */
  readonly child: ResultTuple | null
  /** The messages that have chords joined from their queues; to be published last. */
  readonly joins: readonly FollowUp[]
  readonly node: Node
}

/**
 * Builds the messages that sending a canvas publishes, as Celery would (wire specification 5). Throws
 * `TWQ_ARGUMENTS` or `TWQ_MESSAGE_MALFORMED` for what can't be sent, `TWQ_CHORD_UNSUPPORTED` for a chord that can't be
 * joined, `TWQ_UNSERIALISABLE` for a value without a JSON form.
 */
export function prepareCanvas(canvas: unknown, options: SendOptions, facts: CanvasFacts): PreparedCanvas {
  checkSendOptions(options)
  const { newId = randomUUID, now, origin, router, parent } = facts
  const { task_id: taskId, ...given } = celeryOptions(options)
  const linked = withLinks(fieldsOf(canvas, 'the canvas'), options)
  const named = options.stamps === undefined ? linked : stamped(linked, options.stamps)
  const whole = taskId === undefined ? named : { ...named, options: { ...named.options, task_id: taskId } }
  const freezing = { newId, replyTo: facts.replyTo, rootId: parent?.rootId, chords: facts.chords }
  const { signature, node, chords } = freeze(whole, freezing)
  const address: ApplyContext['address'] = (task, args, wanted, inherited) =>
    router.address(task, args, inherited === undefined ? wanted : { priority: inherited, ...wanted })
  const ground = { newId, now, origin, address, current: parent, inheritPriority: facts.inheritPriority ?? false }
  const call = { args: [], options: given }
  const { messages, child, chords: announced } = applySignature(composedJson(signature), call, ground, 'canvas')
  const joining = { ...facts, address: router.address, headers: options.headers }
  const joins = chords.map((chord) => joinMessage(chord, newId(), joining))
  return { announced, chordQueues: chords.map(({ groupId }) => chordQueue(groupId)), messages, child, joins, node }
}
