import { TwqError } from '../errors.ts'
import { readArray, readSignature, type Signature as SignatureFields } from '../protocol/signature.ts'
import type { Canvas, Following, HandleOf } from '../tasks/sending.ts'
import { listOf } from './links.ts'
import { type Composed, compose, composedJson, fieldsOf, withErrback, withLink } from './signature.ts'

/** Tasks one after another. */
export interface Chain<Steps extends readonly Canvas[] = readonly Canvas[]> extends Composed<HandleOfChain<Steps>> {
  /** Type only. */
  readonly '~steps': Steps | undefined
}

/** The handle for sending a chain of these: that of the last step, with those of earlier steps as its `parent`s. */
export type HandleOfChain<Steps extends readonly Canvas[]> = Linked<Unrolled<Steps>>

type Linked<Steps extends readonly Canvas[]> = Steps extends readonly [
  ...infer Before extends readonly Canvas[],
  infer Last extends Canvas,
]
  ? Before extends readonly []
    ? HandleOf<Last>
    : HandleOf<Last> & Following<Linked<Before>>
  : HandleOf<Steps[number]>

/** Steps of inner chains become its own; a chord counts as its header and its body. */
type Unrolled<Steps extends readonly Canvas[]> = Steps extends readonly [
  infer First extends Canvas,
  ...infer Rest extends readonly Canvas[],
]
  ? First extends Chain<infer Inner>
    ? [...Unrolled<Inner>, ...Unrolled<Rest>]
    : [First, ...Unrolled<Rest>]
  : Steps

/**
 * Signatures to be sent one after another, each with the previous result as its first argument. Takes them as parameters or in an
 * array. As in Celery, inner chains are unrolled, a group of one becomes its member, and a group followed by a step becomes a
 * chord. Throws `TWQ_ARGUMENTS` for an invalid signature, or if there is none.
 */
export function chain<const Steps extends readonly Canvas[]>(steps: Steps): Chain<Steps>
export function chain<const Steps extends readonly Canvas[]>(...steps: Steps): Chain<Steps>
export function chain(...given: readonly Canvas[] | readonly [readonly Canvas[]]): Chain {
  const all = (given.length === 1 && Array.isArray(given[0]) ? given[0] : given) as readonly unknown[]
  if (all.length === 0) throw new TwqError('TWQ_ARGUMENTS', 'a chain needs at least one signature')
  const steps = all.map((step, index) => fieldsOf(step, `chain step ${index + 1}`))
  return compose(asOne(joined(steps)))
}

/** As in Celery, a chain of one that is itself a composition becomes that composition. */
function asOne(steps: readonly SignatureFields[]): SignatureFields {
  const [only, ...others] = steps
  return only !== undefined && others.length === 0 && only.kind !== 'task' ? only : chainOf(steps)
}

/** The steps of a chain, composed as `chain` does. Throws `TWQ_MESSAGE_MALFORMED`. */
export function stepsOfChain(chain: SignatureFields): readonly SignatureFields[] {
  return joined(unchained(chain))
}

export function chainOf(steps: readonly SignatureFields[]): SignatureFields {
  const tasks = steps.map(composedJson)
  return { kind: 'chain', task: 'celery.chain', args: [], kwargs: { tasks }, options: {}, immutable: false }
}

/** Appends to `steps` others, composed as with Celery's `|`. In one go, since a copy for each step makes long chains quadratic. */
function joined(given: readonly SignatureFields[], steps: SignatureFields[] = []): readonly SignatureFields[] {
  const unrolled = given.flatMap(unrolledStep)
  for (const [index, step] of unrolled.entries()) {
    const last = steps.at(-1)
    if (last?.kind === 'chord') {
      steps[steps.length - 1] = continued(last, unrolled.slice(index))
      break
    }
    if (last?.kind === 'group') steps[steps.length - 1] = chordOf(last, step)
    else steps.push(step)
  }
  return steps
}

/** The steps of an inner chain, and the member of a group of one. */
function unrolledStep(given: SignatureFields): readonly SignatureFields[] {
  if (given.kind === 'chain') return unchained(given).flatMap(unrolledStep)
  const step = withoutLoneGroup(given)
  return step === given ? [step] : unrolledStep(step)
}

/** A header and its body as a chord. */
export function chordOf(header: SignatureFields, body: SignatureFields): SignatureFields {
  // Celery's own keys: the inner kwargs are those of the chord task, and have no effect.
  const kwargs = { kwargs: {}, header: composedJson(header), body: composedJson(body) }
  return { kind: 'chord', task: 'celery.chord', args: [], kwargs, options: {}, immutable: false }
}

/** What follows a chord follows its body. */
function continued(chord: SignatureFields, following: readonly SignatureFields[]): SignatureFields {
  const body = readSignature(chord.kwargs.body, 'chord.body')
  const longer = joined(following, body.kind === 'chain' ? unchained(body) : [body])
  return { ...chord, kwargs: { ...chord.kwargs, body: composedJson(asOne(longer)) } }
}

/**
 * The steps of a chain, which inherit its options: its errbacks go to each, its links to the last, and the others to the first.
 */
function unchained(chain: SignatureFields): SignatureFields[] {
  const { link, link_error: errbacks, task_id: taskId, ...others } = chain.options
  const tasks = readArray(chain.kwargs.tasks, 'chain.tasks')
  const steps = tasks.map((task, index) => readSignature(task, `chain.tasks[${index}]`))
  return steps.map((given, index) => {
    const args = index === 0 && !given.immutable ? [...chain.args, ...given.args] : given.args
    const options = index === 0 ? { ...given.options, ...others } : given.options
    const step = listOf(errbacks).reduce<SignatureFields>(withErrback, { ...given, args, options })
    if (index < steps.length - 1) return step
    const last = listOf(link).reduce<SignatureFields>(withLink, step)
    return typeof taskId === 'string' ? { ...last, options: { task_id: taskId, ...last.options } } : last
  })
}

function withoutLoneGroup(step: SignatureFields): SignatureFields {
  if (step.kind !== 'group') return step
  const members = readArray(step.kwargs.tasks, 'group.tasks')
  return members.length === 1 ? readSignature(members[0], 'group.tasks[0]') : step
}
