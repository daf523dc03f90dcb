import type { Json, JsonObject } from '../../src/runtime/json.ts'

/** A task of a workflow: `args` where they are not its label, for a map its items. */
export interface Leaf {
  readonly do: 'note' | 'fail' | 'map' | 'starmap' | 'chunks' | 'told' | 'replaced' | 'grow' | 'send'
  readonly args?: readonly Json[]
  readonly kwargs?: JsonObject
  readonly immutable?: boolean
  readonly priority?: number
  readonly stamps?: JsonObject
}

/** A workflow as test/interop/python/workflows.py builds it, and built-shape.ts beside it. */
export type Shape = (
  | Leaf
  | { readonly group: readonly Shape[] }
  /** As `a | b | c` puts them together; \`apart\` as \`chain(a, b, c, app=app)\` does, which only Python can. */
  | { readonly chain: readonly Shape[]; readonly apart?: boolean }
  | { readonly chord: readonly Shape[]; readonly body: Shape }
) & { readonly errback?: boolean; readonly link?: boolean | 'two' | 'chain' | 'group' }

const note: Shape = { do: 'note' }
const fail: Shape = { do: 'fail' }
/** Says what it was sent with. */
const told: Shape = { do: 'told' }
const stamps = { mark: 'm', number: 1 }
const chunks: Shape = { do: 'chunks', args: [[1], [2], [3, 4]] }
const group = (...members: Shape[]): Shape => ({ group: members })
const chain = (...steps: Shape[]): Shape => ({ chain: steps })
const chord = (header: Shape[], body: Shape): Shape => ({ chord: header, body })

/** Three levels of everything. */
const nested: readonly Shape[] = [
  chain(group(note, note), chord([note, note], note), chain(note, note)),
  group(chord([note, note], note), chord([note], note)),
  chord([chain(note, note), chain(note, note, note)], note),
  chain(chord([note, note], note), chord([note, note], note), chord([note, note], note)),
  chord([chord([chord([note, note], note), note], note), note], note),
  chord([note, note], chord([note, note], chord([note, note], note))),
  chain(note, group(note, note), note, group(note, note), note),
]

const plain: readonly Shape[] = [
  note,
  fail,
  { ...note, link: true },
  { ...fail, errback: true },
  chain(note, note, note),
  chain(note, fail, note),
  group(note, note, note),
  group(note, fail),
  chord([note, note], note),
  chord([note, fail], { ...note, errback: true }),
  chord([note, note], fail),
  chord([note, note], group(note, note)),
  chord([note, fail], group(note, note)),
  chord([note], chain(note, note)),
  chain(note, chord([note, note], note)),
  chain(note, group(note, note)),
  chain(group(note, note), note, note),
  chain(group(note, note), group(note, note)),
  { do: 'map', args: [1, 2] },
  { do: 'starmap', args: [[1, 2], [3]] },
  chain(note, { do: 'starmap', args: [[1, 2], [3]] }, note),
  group({ do: 'map', args: [1, 2] }, note),
  chord([{ do: 'map', args: [1, 2] }, note], note),
  chain(note),
  group(note),
  group(chain(note)),
  group(group(note, note), note),
  chain(note, { ...note, immutable: true }, note),
  chord([note, note], { ...note, immutable: true }),
  { ...note, link: 'two' },
  { ...note, link: 'chain' },
  { ...note, link: 'group' },
  { ...chain(note, note), link: true },
  { ...chain(note, note), errback: true },
  { ...chain(note, fail), errback: true },
  { ...group(note, fail), errback: true },
  { ...chord([note, note], note), link: true },
  chain({ ...note, link: true }, note),
  chain({ ...fail, errback: true }, note),
  chord(
    [
      { ...note, link: true },
      { ...fail, errback: true },
    ],
    note,
  ),
  { ...told, priority: 3 },
  chain(told, { ...told, priority: 5, kwargs: { by: 'name' } }, told),
  { ...chord([{ ...told, priority: 2 }, told], { ...told, priority: 7 }), link: true },
  chunks,
]

/** Tasks that have others run in their place, or beside them: those draw ids for them. */
const growing: readonly Shape[] = [
  ...['task', 'chain', 'group', 'chord'].map((how): Shape => ({ do: 'replaced', args: [how] })),
  chain(note, { do: 'replaced', args: ['chain'] }, note),
  chord([{ do: 'replaced', args: ['task'] }, note], note),
  { do: 'replaced', args: ['task'], link: true },
  chord([{ do: 'grow' }, note], note),
  { do: 'send' },
  chain(note, { do: 'send' }, note),
]

/** The workflow with the leaf at `at`, counted from the left, failing. */
function failingAt(shape: Shape, at: number): Shape {
  let seen = -1
  const visit = (one: Shape): Shape => {
    if ('do' in one) {
      seen += 1
      return seen === at ? { ...one, do: 'fail' } : one
    }
    if ('group' in one) return { ...one, group: one.group.map(visit) }
    if ('chain' in one) return { ...one, chain: one.chain.map(visit) }
    return { ...one, chord: one.chord.map(visit), body: visit(one.body) }
  }
  return visit(shape)
}

function leavesOf(shape: Shape): number {
  if ('do' in shape) return 1
  if ('group' in shape) return shape.group.reduce((sum, one) => sum + leavesOf(one), 0)
  if ('chain' in shape) return shape.chain.reduce((sum, one) => sum + leavesOf(one), 0)
  return shape.chord.reduce((sum, one) => sum + leavesOf(one), leavesOf(shape.body))
}

/** Every workflow of the plain ones; the nested ones, and each of them once for each of its tasks that fails. */
export const shapes: readonly Shape[] = [
  ...plain,
  ...nested,
  ...growing,
  ...nested.flatMap((shape) => Array.from({ length: leavesOf(shape) }, (_, at) => failingAt(shape, at))),
]

/** What Celery has from 5.3 on: stamps, and the right order where a group replaces a task of a header. */
export const newer: readonly Shape[] = [
  { ...told, stamps },
  chain(told, { ...told, stamps }, told),
  group({ ...told, stamps }, told),
  chord([{ ...told, stamps }, told], { ...told, stamps }),
  { do: 'replaced', args: ['stamped'], stamps },
  chord([{ do: 'replaced', args: ['group'] }, note], note),
]

/** Those that stop a worker of Celery 5.2 for good: it forgets how many tasks the header has, and waits for the others. */
export const tangled: readonly Shape[] = [chord([note, chain(note, group(note, note))], note)]

/** What only Python's callers send: chains that are not put together before, and a header whose groups Celery takes in reverse. */
export const ofPython: readonly Shape[] = [
  ...nested.flatMap((shape) => ('chain' in shape ? [{ ...shape, apart: true }] : [])),
  chord([group(note, group(note, note)), note], note),
  // In JSON these are a task like any other, whose worker sends them.
  chain(note, chunks),
]
