import { describe, expect, expectTypeOf, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { TwqError } from '../../src/errors.ts'
import { stringifyJson } from '../../src/protocol/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyArguments, Following, GroupHandle, Send, TaskHandle } from '../../src/tasks/sending.ts'
import type { AnyTask } from '../../src/tasks/task.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const report = defineTask({ name: 'report', positional: ['total'], run: ({ total }: { total: number }) => `${total}` })

const plain = (task: string, args: unknown[] = [], options: object = {}, more: object = {}) => ({
  task,
  args,
  kwargs: {},
  options,
  subtask_type: null,
  immutable: false,
  ...more,
})

const refused = (code: 'TWQ_ARGUMENTS' | 'TWQ_MESSAGE_MALFORMED', message: string | RegExp) =>
  expect.toSatisfy((error) => TwqError.is(error, code) && new RegExp(message).test(error.message))

describe('a signature', () => {
  it('is the JSON that Python reads', () => {
    const sum = signature(add, [1, 2], { queue: 'math', countdown: '5s', expires: new Date(0) })
    const json = plain('add', [1, 2], { queue: 'math', countdown: 5, expires: '1970-01-01T00:00:00.000000+00:00' })
    expect(JSON.parse(JSON.stringify(sum))).toEqual(json)
    expect(JSON.parse(stringifyJson([sum]))).toEqual([json])
    expect(signature('add', { x: 1 }).toJSON()).toEqual(plain('add', [], {}, { kwargs: { x: 1 } }))
  })

  it('carries what its task says of itself, for the worker that sends it later', () => {
    const settings = { queue: 'bank', expires: '1m', compression: 'zlib', kwargsRepr: () => '{hidden}' } as const
    const pay = defineTask({ name: 'pay', ...settings, run: () => null })
    const options = { queue: 'bank', expires: 60, compression: 'zlib', kwargsrepr: '{hidden}' }
    expect(signature(pay).options).toEqual(options)
    expect(signature(pay, [], { expires: '5s', kwargsRepr: '{}' }).options).toEqual({
      ...options,
      expires: 5,
      kwargsrepr: '{}',
    })
  })

  it('is never changed: set makes another', () => {
    const one = signature(add, { x: 1 })
    const other = one.set({ priority: 3, immutable: true }).set({ link: signature(report) })
    expect(one.toJSON()).toEqual(plain('add', [], {}, { kwargs: { x: 1 } }))
    expect(other).toMatchObject({ immutable: true, options: { priority: 3, link: [{ task: 'report' }] } })
    expect(() => Object.assign(one, { task: 'mul' })).toThrow(TypeError)
  })

  it('adds links to those it has', () => {
    const linked = signature(add)
      .set({ linkError: signature('a') })
      .set({ linkError: [signature('b'), signature('c')] })
    expect(linked.options.link_error).toMatchObject([{ task: 'a' }, { task: 'b' }, { task: 'c' }])
  })

  it('is made again from what it wrote', () => {
    const whole = chain(
      signature(add, [1, 2]),
      group(signature(add, [1]), chain(signature(add, [2]), signature(report))),
    )
    expect(signature(JSON.parse(JSON.stringify(whole))).toJSON()).toEqual(JSON.parse(JSON.stringify(whole)))
    expect(signature({ task: 'add' }).toJSON()).toEqual(plain('add'))
  })

  it.each<[unknown, string]>([
    [{}, 'signature.task must be'],
    [{ task: 'x', args: 5 }, 'signature.args must be an array'],
    [{ task: 'x', subtask_type: 'web' }, 'no kind of signature'],
    [
      { task: 'celery.group', subtask_type: 'group', kwargs: { tasks: [1] } },
      String.raw`tasks\[0\] must be a signature`,
    ],
    [{ task: 'celery.chord', subtask_type: 'chord', kwargs: { header: [] } }, 'signature.body must be'],
    [nested(150), 'nested more than 100'],
  ])('is not made from %j', (json, message) => {
    expect(() => signature(json as { task: string })).toThrow(refused('TWQ_MESSAGE_MALFORMED', message))
  })

  it.each<[string, () => unknown, string]>([
    ['a number', () => signature(5 as unknown as string), 'signature takes a task'],
    ['an unknown option', () => signature(add).set({ links: [] } as object), "unknown signature option 'links'"],
    ['a link that is none', () => signature(add).set({ link: 'report' as never }), 'link must be signatures'],
    ['a link of a group', () => group(signature(add)).set({ link: signature(report) }), 'a group can have no link'],
    ['a task in a chain', () => chain(add as never), 'chain step 1 must be a signature'],
    ['an empty chain', () => chain(), 'at least one'],
    ['a signal', () => signature(add).set({ signal: new AbortController().signal } as object), "option 'signal'"],
  ])('is refused for %s', (_title, make, message) => {
    expect(make).toThrow(refused('TWQ_ARGUMENTS', message))
  })
})

function nested(levels: number): object {
  const group = (inner: object) => ({ task: 'celery.group', subtask_type: 'group', kwargs: { tasks: [inner] } })
  return Array.from({ length: levels }).reduce<object>(group, { task: 'x' })
}

const kindsOf = (canvas: { toJSON(): unknown }): unknown => {
  const { task, subtask_type: kind, kwargs } = canvas.toJSON() as Record<string, unknown>
  const { tasks, header, body } = kwargs as { tasks?: []; header?: never; body?: never }
  const inner = (json: unknown) => kindsOf({ toJSON: () => json })
  if (kind === null) return task
  return kind === 'chord' ? { chord: inner(header), body: inner(body) } : { [String(kind)]: tasks?.map(inner) }
}

describe('put together as in Celery', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => signature(name)) as [never, never, never, never]

  it.each<[string, { toJSON(): unknown }, unknown]>([
    ['a chain in a chain is its steps', chain(a, chain(b, c)), { chain: ['a', 'b', 'c'] }],
    ['a group of one is that one', chain(a, group(b), c), { chain: ['a', 'b', 'c'] }],
    ['a group that something follows is a chord', chain(group(a, b), c), { chord: { group: ['a', 'b'] }, body: 'c' }],
    [
      'what follows a chord follows its body',
      chain(a, group(b, c), d, a),
      { chain: ['a', { chord: { group: ['b', 'c'] }, body: { chain: ['d', 'a'] } }] },
    ],
    [
      'a chord may follow a chord',
      chain(chord([a, b], c), chord([d, a], b)),
      { chord: { group: ['a', 'b'] }, body: { chain: ['c', { chord: { group: ['d', 'a'] }, body: 'b' }] } },
    ],
    ['a group at the end stays one', chain(a, group(b, c)), { chain: ['a', { group: ['b', 'c'] }] }],
  ])('%s', (_title, canvas, kinds) => {
    expect(kindsOf(canvas)).toEqual(kinds)
  })

  it('the links of a chord are those of its body, the errbacks of a group those of its members', () => {
    const linked = chord([a, b], c).set({ link: d, linkError: d })
    expect(linked.kwargs.body).toMatchObject({ options: { link: [{ task: 'd' }], link_error: [{ task: 'd' }] } })
    const members = group(a, b).set({ linkError: d }).kwargs.tasks as { options: object }[]
    expect(members.map(({ options }) => options)).toMatchObject([{ link_error: [{}] }, { link_error: [{}] }])
  })

  it('immutable is every member of a group', () => {
    expect(group(a, b).set({ immutable: true }).kwargs.tasks).toMatchObject([{ immutable: true }, { immutable: true }])
  })
})

it.each<[string, AnyArguments]>([
  ["add() got an unexpected keyword argument 'amount'", { amount: 1 }],
  ['add() takes 2 positional arguments but 3 were given', [1, 2, 3]],
])('a signature of a task at hand says what no further argument can mend: %s', (message, args) => {
  expect(() => signature(add as AnyTask, args)).toThrow(refused('TWQ_ARGUMENTS', message.replace(/[()]/g, '\\$&')))
  expect(signature('add', args)).toMatchObject({ task: 'add' })
})

describe('the compiler knows', () => {
  const send: Send = (() => Promise.resolve()) as never
  const sum = signature(add, { x: 1 })

  it('the result of a task, of the last step, of each member', () => {
    expectTypeOf(send(sum)).resolves.toEqualTypeOf<TaskHandle<number>>()
    expectTypeOf(send(signature<typeof report>('report', [1]))).resolves.toEqualTypeOf<TaskHandle<string>>()
    expectTypeOf(send(signature('python.task'))).resolves.toEqualTypeOf<TaskHandle<unknown>>()
    expectTypeOf(send(chain(sum, signature(report)))).resolves.toEqualTypeOf<
      TaskHandle<string> & Following<TaskHandle<number>>
    >()
    expectTypeOf(send(group(sum, signature(report)))).resolves.toEqualTypeOf<
      GroupHandle<readonly [TaskHandle<number>, TaskHandle<string>]>
    >()
    const results = async () => (await send(group([sum, chain(sum, signature(report))]))).result()
    expectTypeOf(results).returns.resolves.toEqualTypeOf<[number, string]>()
    const many = async () => (await send(group([1, 2, 3].map((x) => signature(add, [x, x]))))).result()
    expectTypeOf(many).returns.resolves.toEqualTypeOf<number[]>()
  })

  it('the result of a chord, and of its header', () => {
    const total = async () => await send(chord([sum, sum], signature(report)))
    const result = async () => (await total()).result()
    expectTypeOf(result).returns.resolves.toEqualTypeOf<string>()
    const header = async () => (await total()).parent.result()
    expectTypeOf(header).returns.resolves.toEqualTypeOf<[number, number]>()
  })

  it('which named arguments there are', () => {
    // @ts-expect-error x is a number
    signature(add, { x: '1' })
    // @ts-expect-error there is no z
    expect(() => signature(add, { z: 1 })).toThrow("add() got an unexpected keyword argument 'z'; did you mean 'x'?")
    // @ts-expect-error not the name of that task
    signature<typeof add>('report')
    // @ts-expect-error a task is no signature yet
    expect(() => chain(add)).toThrow()
    expect(sum.kwargs).toEqual({ x: 1 })
  })
})
