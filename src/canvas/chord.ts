import type { Canvas } from '../tasks/sending.ts'
import { type Chain, chordOf } from './chain.ts'
import { type Group, group } from './group.ts'
import { compose, fieldsOf } from './signature.ts'

/**
 * Tasks that run in parallel, and one that runs once all of them have succeeded. Sending it returns the body's handle, with the
 * header as `parent`.
 */
export type Chord<Header extends readonly Canvas[], Body extends Canvas> = Chain<[Group<Header>, Body]>

/**
 * Signatures to be sent in parallel, and one that is called with the array of their results once all have succeeded. If one
 * fails, the body fails with a `ChordError`. Throws `TWQ_ARGUMENTS` for an invalid signature.
 */
export function chord<const Header extends readonly Canvas[], Body extends Canvas>(
  header: Header | Group<Header>,
  body: Body,
): Chord<Header, Body> {
  const side = Array.isArray(header) ? group(header as readonly Canvas[]) : header
  return compose(chordOf(fieldsOf(side, 'the header of a chord'), fieldsOf(body, 'the body of a chord')))
}
