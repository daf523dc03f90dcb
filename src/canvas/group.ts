import type { AnyHandle, Canvas, GroupHandle, HandleOf } from '../tasks/sending.ts'
import { type Composed, compose, composedJson, fieldsOf } from './signature.ts'

/** Tasks that run in parallel. */
export interface Group<Members extends readonly Canvas[] = readonly Canvas[]> extends Composed<HandleOfGroup<Members>> {
  readonly subtask_type: 'group'
  /** Type only. */
  readonly '~members': Members | undefined
}

/** The handle for sending a group of these. */
export type HandleOfGroup<Members extends readonly Canvas[]> = GroupHandle<HandlesOf<Unrolled<Members>>>

type HandlesOf<Members extends readonly Canvas[]> = {
  readonly [I in keyof Members]: Extract<HandleOf<Members[I]>, AnyHandle>
}

/** Members of inner groups become its own. */
type Unrolled<Members extends readonly Canvas[]> = Members extends readonly [
  infer First extends Canvas,
  ...infer Rest extends readonly Canvas[],
]
  ? First extends Group<infer Inner>
    ? [...Unrolled<Inner>, ...Unrolled<Rest>]
    : [First, ...Unrolled<Rest>]
  : Members

/**
 * Signatures to be sent in parallel, with results in their order. Takes them as parameters or in an array. Inner groups are
 * unrolled, as in Celery. Throws `TWQ_ARGUMENTS` for an invalid signature.
 */
export function group<const Members extends readonly Canvas[]>(members: Members): Group<Members>
export function group<const Members extends readonly Canvas[]>(...members: Members): Group<Members>
export function group(...given: readonly Canvas[] | readonly [readonly Canvas[]]): Group {
  const members = given.length === 1 && Array.isArray(given[0]) ? given[0] : given
  const tasks = (members as readonly unknown[]).map((member, index) =>
    composedJson(fieldsOf(member, `group member ${index + 1}`)),
  )
  return compose({ kind: 'group', task: 'celery.group', args: [], kwargs: { tasks }, options: {}, immutable: false })
}
