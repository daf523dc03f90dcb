import { type Signature, writeSignature } from '../protocol/signature.ts'
import type { Json } from '../runtime/json.ts'
import { bodyOf, headerOf, tasksOf } from './frozen.ts'

/** Callbacks, or errbacks, as a list: alone they may stand for themselves. */
export function listOf<T>(value: T | readonly T[] | undefined | null): readonly T[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value as T]
}

/** True for at least one callback, errback or step. */
export function hasEntries(value: Json | undefined): boolean {
  return listOf<Json>(value).length > 0
}

/**
 * A signature with more callbacks, or errbacks, than its own, as Celery's `link` and `link_error` add them: of a group each
 * member gets the errbacks (it can have no callbacks: they stay its own option, which applying it refuses); of a chord the
 * body, and the errbacks also the chords in its header (`_chord.link_error`), since Python's workers fail no chord because
 * one inside it failed.
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

/** A chord whose header's chords are changed. */
function withInnerChords(chord: Signature, change: (inner: Signature) => Signature): Signature {
  const header = headerOf(chord, 'chord', 0)
  const tasks = tasksOf(header, 'chord')
  if (!tasks.some(({ kind }) => kind === 'chord')) return chord
  const changed = tasks.map((task) => writeSignature(task.kind === 'chord' ? change(task) : task))
  const isList = Array.isArray(chord.kwargs.header)
  const whole = isList ? changed : writeSignature({ ...header, kwargs: { ...header.kwargs, tasks: changed } })
  return { ...chord, kwargs: { ...chord.kwargs, header: whole } }
}
