import { TwqError } from '../errors.ts'
import type { ChordAddition } from '../protocol/chord/chord.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import { RemoteTaskError } from '../protocol/result/remote-task-error.ts'
import { readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import { type Applied, type ApplyContext, applySignature } from './apply.ts'
import type { Call } from './call.ts'
import { frozen, sizeOf, tasksOf } from './frozen.ts'
import { linked } from './links.ts'

/**
 * Applies the signature with which a task replaced itself (wire specification 5.7): its end gets the task's id, and with it its
 * caller, its place in groups and chords, its callbacks, and the rest of its chain. Throws as `applySignature` does, and a
 * `RemoteTaskError` with Celery's exception for an invalid replacement. Pure.
 */
export function replacementOf(value: Json, message: TaskMessage, ground: ApplyContext): Applied {
  const standIn = standInOf(value, message, ground)
  return applySignature(writeSignature(standIn), replacementCall(message), { ...ground, current: message })
}

/** How the replacement of a task is applied: the rest of the task's chain follows it. */
export function replacementCall({ embed, replacedTaskNesting }: TaskMessage): Call {
  return { args: [], options: { chain: embed.chain, replaced_task_nesting: replacedTaskNesting + 1 } }
}

/** A signature whose end has the id of the replaced task, its place, its callbacks and its errbacks. */
export function standInOf(value: Json, message: TaskMessage, ground: Pick<ApplyContext, 'newId'>): Signature {
  const given = withAnEnd(readSignature(value, 'signature'))
  const { task_id: _, chord: __, group_id: ___, group_index: ____, ...options } = given.options
  const plain: Signature = { ...given, options }
  const { embed } = message
  const withErrbacks = linked(plain, 'link_error', embed.errbacks ?? [])
  const place = {
    task_id: message.id,
    root_id: message.rootId,
    group_id: message.group,
    group_index: message.groupIndex,
    chord: embed.chord,
    reply_to: message.replyTo,
    replaced_task_nesting: message.replacedTaskNesting + 1,
  }
  return linked(frozen(withErrbacks, place, ground.newId, 'signature'), 'link', embed.callbacks ?? [])
}

/**
 * A signature whose end can replace a task. A group has no such end; as a chord, the list of its results has. Throws Celery's
 * exception for others.
 */
export function withAnEnd(given: Signature): Signature {
  if (given.kind === 'chain' && tasksOf(given, 'signature').length === 0)
    throw improper('Cannot replace with an empty chain')
  const { chord } = given.options
  if (chord !== undefined && chord !== null) throw improper('A signature replacing a task must not be part of a chord')
  return given.kind === 'group' ? accumulated(given) : given
}

/** A signature to run as an additional task of a chord, and the number of tasks that it adds. */
export type Addition = Pick<ChordAddition, 'groupId' | 'size' | 'signature'>

/**
 * A signature as an additional part of the chord that `message` belongs to (wire specification 5.7), with all of its ids:
 * applying it again sends the same tasks. Throws `TWQ_USAGE`. Pure.
 */
export function additionTo(message: TaskMessage, value: Json, newId: ApplyContext['newId']): Addition {
  const { embed, group, groupIndex, rootId, id } = message
  if (embed.chord === null || group === null) {
    throw new TwqError('TWQ_USAGE', `task ${message.task}[${id}] is not member of any chord`, {
      hint: 'ctx.addToChord() works in a task that was sent in the header of a chord',
    })
  }
  const place = { root_id: rootId, group_id: group, group_index: groupIndex, chord: embed.chord }
  const member = frozen(readSignature(value, 'signature'), place, newId, 'signature')
  return { groupId: group, size: sizeOf(member), signature: writeSignature(member) }
}

/** As in Celery, a chord whose body returns the results of the group. */
function accumulated(group: Signature): Signature {
  const body = { task: 'celery.accumulate', args: [], kwargs: { index: 0 }, options: {}, subtask_type: null }
  const kwargs = { header: writeSignature(group), body, kwargs: {} }
  return { kind: 'chord', task: 'celery.chord', args: [], kwargs, options: {}, immutable: false }
}

/** The exception of Celery's `Task.replace`. */
function improper(text: string): RemoteTaskError {
  return new RemoteTaskError(celeryError('ImproperlyConfigured', [text]))
}
