import { type Signature, writeSignature } from '../protocol/signature.ts'
import type { Json } from '../runtime/json.ts'
import { bodyOf, headerOf, tasksOf } from './frozen.ts'

/** Callbacks or errbacks as a list; a single one may be given without a list. */
export function listOf<T>(value: T | readonly T[] | undefined | null): readonly T[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value as T]
}

/** True for at least one callback, errback or step. */
export function hasEntries(value: Json | undefined): boolean {
  return listOf<Json>(value).length > 0
}

/**
 * A signature with additional callbacks or errbacks, as Celery's `link` and `link_error` add them: for a group each member gets
 * the errbacks (callbacks are not possible: they stay the group's own option, which is refused when applied); for a chord the
 * body, and errbacks also the chords in its header (`_chord.link_error`), since Python's workers fail no chord because an inner
 * one failed.
 */
export function linked(signature: Signature, option: 'link' | 'link_error', more: Json | undefined): Signature {
  const links = listOf<Json>(more)
  if (links.length === 0) return signature
  const { kind, kwargs, options } = signature
  if (kind === 'group' && option === 'link_error') {
    const tasks = tasksOf(signature, 'group').map((member) => writeSignature(linked(member, option, links)))
    return { ...signature, kwargs: { ...kwargs, tasks } }
  }
  if (kind === 'chord') {
    const body = writeSignature(linked(bodyOf(signature, 'chord'), option, links))
    const chord = { ...signature, kwargs: { ...kwargs, body } }
    return option === 'link' ? chord : withInnerChords(chord, (inner) => linked(inner, option, links))
  }
  return { ...signature, options: { ...options, [option]: [...listOf<Json>(options[option]), ...links] } }
}

/** A chord with changed chords in its header. */
function withInnerChords(chord: Signature, change: (inner: Signature) => Signature): Signature {
  const header = headerOf(chord, 'chord', 0)
  const tasks = tasksOf(header, 'chord')
  if (!tasks.some(({ kind }) => kind === 'chord')) return chord
  const changed = tasks.map((task) => writeSignature(task.kind === 'chord' ? change(task) : task))
  const isList = Array.isArray(chord.kwargs.header)
  const whole = isList ? changed : writeSignature({ ...header, kwargs: { ...header.kwargs, tasks: changed } })
  return { ...chord, kwargs: { ...chord.kwargs, header: whole } }
}
