import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { TwqError } from '../../src/errors.ts'
import { decodeTask } from '../../src/protocol/task/decode-task.ts'
import { checkArguments, prepareTask, type SendFacts } from '../../src/sending/prepare-task.ts'
import { createRouter } from '../../src/sending/router.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyArguments, SendOptions } from '../../src/tasks/sending.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const facts: SendFacts = {
  id: 'id-1',
  now: NOW,
  origin: 'gen1@host',
  replyTo: 'replies',
  router: createRouter({ defaultQueue: 'celery' }),
}

const prepare = (
  target: AnyTask | string,
  args?: AnyArguments,
  options: SendOptions = {},
  over: Partial<SendFacts> = {},
) => {
  const prepared = prepareTask(target, args, options, { ...facts, ...over })
  const decoded = decodeTask(prepared.outgoing.message, { maxBodySize: 1_000_000 })
  if (decoded.kind !== 'task') throw new Error(decoded.malformed.reason)
  return { ...prepared, message: decoded.message, properties: prepared.outgoing.message.properties }
}

describe('a message to be sent', () => {
  it('goes to the default exchange, keyed by the queue, and asks for its result', () => {
    const { outgoing, message, properties, wantsResult } = prepare('add', [2, 3])
    expect(outgoing.route).toEqual({ exchange: '', routingKey: 'celery' })
    expect(message).toMatchObject({ id: 'id-1', task: 'add', args: [2, 3], rootId: 'id-1', parentId: null })
    expect(properties).toMatchObject({ replyTo: 'replies', correlationId: 'id-1', deliveryMode: 2 })
    expect(wantsResult).toBe(true)
  })

  it.each<[AnyArguments | undefined, unknown[], object]>([
    [[1, 'two'], [1, 'two'], {}],
    [{ x: 1 }, [], { x: 1 }],
    [Object.assign(Object.create(null), { x: 1 }), [], { x: 1 }],
    [undefined, [], {}],
  ])('carries %j as Celery would', (given, args, kwargs) => {
    const { message } = prepare('add', given)
    expect(message.args).toEqual(args)
    expect({ ...message.kwargs }).toEqual(kwargs)
  })

  it.each<[SendOptions, object]>([
    [{ countdown: 5_000 }, { eta: NOW + 5_000 }],
    [{ countdown: '10s' }, { eta: NOW + 10_000 }],
    [{ eta: new Date(NOW + 1) }, { eta: NOW + 1 }],
    [{ expires: '1m' }, { expires: NOW + 60_000 }],
    [{ expires: new Date(NOW + 2_000) }, { expires: NOW + 2_000 }],
    [{ taskId: 'mine' }, { id: 'mine', rootId: 'mine', correlationId: 'mine' }],
    [{ shadow: 'other' }, { shadow: 'other' }],
    [{ headers: { tenant: 'acme' } }, { headers: { tenant: 'acme' } }],
  ])('follows %j', (options, expected) => {
    expect(prepare('add', [], options).message).toMatchObject(expected)
  })

  it('expires when its task says so, unless the caller says otherwise', () => {
    const task = defineTask({ name: 'mail', expires: '1m', run() {} })
    expect(prepare(task)).toMatchObject({ message: { expires: NOW + 60_000 }, properties: { expiration: '60000' } })
    expect(prepare(task, {}, { expires: '2s' }).message.expires).toBe(NOW + 2_000)
  })

  it.each([
    ['gzip', 'application/x-gzip'],
    ['zlib', 'application/x-gzip'],
    ['brotli', 'application/x-brotli'],
  ] as const)('compresses its body by %s, where the call or the task says so', (compression, header) => {
    const text = 'x'.repeat(10_000)
    const { outgoing, message } = prepare('add', [text], { compression })
    expect(outgoing.message.headers.compression).toBe(header)
    expect(outgoing.message.body.length).toBeLessThan(1_000)
    expect(message.args).toEqual([text])
    const task = defineTask({ name: 'add', compression, run() {} })
    expect(prepare(task, [text]).outgoing.message.headers.compression).toBe(header)
  })

  it('refuses a compression that it does not have', () => {
    const options = { compression: 'bzip2' as never }
    expect(() => prepare('add', [], options)).toThrow("send option compression must be 'gzip', 'zlib' or 'brotli'")
  })

  it('shows the texts that were chosen for its arguments, and carries the arguments', () => {
    const { message } = prepare('pay', { card: '4111' }, { argsRepr: '(...)', kwargsRepr: "{'card': '****'}" })
    expect(message).toMatchObject({ argsRepr: '(...)', kwargsRepr: "{'card': '****'}", kwargs: { card: '4111' } })
  })

  it('shows what its task shows, a text or one made of the arguments, unless the caller says another', () => {
    const last = ({ card }: { card?: unknown }) => `{'card': '…${String(card).slice(-2)}'}`
    const pay = defineTask({ name: 'pay', argsRepr: '(hidden)', kwargsRepr: last, run() {} })
    expect(prepare(pay, { card: '4111' }).message).toMatchObject({
      argsRepr: '(hidden)',
      kwargsRepr: "{'card': '…11'}",
    })
    expect(prepare(pay, ['4111'], { argsRepr: '(1 card)' }).message).toMatchObject({ argsRepr: '(1 card)' })
    const empty = defineTask({ name: 'pay', argsRepr: () => '', run() {} })
    expect(prepare(empty, ['4111']).message.argsRepr).toBe('...')
  })

  it.each(['argsRepr', 'kwargsRepr'] as const)('refuses an empty %s, which would show the arguments', (option) => {
    expect(() => prepare('pay', [], { [option]: '' })).toThrow(/must be a text, not an empty one/)
  })

  it('follows the priority, and the expiration in the property too', () => {
    expect(prepare('add', [], { priority: 5, expires: 1_500 }).properties).toMatchObject({
      priority: 5,
      expiration: '1500',
    })
  })

  it("goes to the caller's queue, else the task's, else the client's", () => {
    const task = defineTask({ name: 'mail', queue: 'mail', run() {} })
    expect(prepare(task, {}, { queue: 'urgent' }).queue).toBe('urgent')
    expect(prepare(task).queue).toBe('mail')
    expect(prepare('mail').queue).toBe('celery')
    const router = createRouter({ defaultQueue: 'celery', routes: { mail: { queue: 'routed', priority: 3 } } })
    expect(prepare('mail', [], {}, { router })).toMatchObject({ queue: 'routed', properties: { priority: 3 } })
    expect(prepare(task, {}, { priority: 4 }, { router })).toMatchObject({ queue: 'mail', properties: { priority: 4 } })
  })

  it('goes to the exchange that the caller names, with his key', () => {
    const { outgoing } = prepare('mail', [], { exchange: 'letters', routingKey: 'mail.urgent' })
    expect(outgoing.route).toEqual({ exchange: 'letters', routingKey: 'mail.urgent' })
  })

  it.each<[SendOptions, boolean]>([
    [{}, true],
    [{ headers: { tenant: 'acme' } }, true],
    [{ taskId: 'mine' }, false],
    [{ ignoreResult: true }, false],
    [{ exchange: 'all', routingKey: 'a.b' }, false],
    [{ headers: { CC: ['another'] } }, false],
    [{ headers: { BCC: ['another'] } }, false],
  ])('sent with %j, says whether a result proves that all of it was taken', (options, proven) => {
    expect(prepare('add', [], options).provenByResult).toBe(proven)
  })

  it('carries retries and time limits', () => {
    const { message } = prepare('mail', [], { retries: 2, timeLimit: '10s', softTimeLimit: 5_000 })
    expect(message).toMatchObject({ retries: 2, timeLimit: { hard: 10_000, soft: 5_000 } })
  })

  it.each<[string, SendOptions, AnyTask | string, Partial<SendFacts>, boolean]>([
    ['the caller does not', { ignoreResult: true }, 'add', {}, true],
    ['the task does not', {}, defineTask({ name: 'add', ignoreResult: true, run() {} }), {}, true],
    ['nobody could read it', {}, 'add', { replyTo: undefined }, false],
  ])('asks for no result when %s', (_, options, target, over, ignoreResult) => {
    const { wantsResult, properties, message } = prepare(target, {}, options, over)
    expect({ wantsResult, replyTo: properties.replyTo, ignoreResult: message.ignoreResult }).toEqual({
      wantsResult: false,
      replyTo: '',
      ignoreResult,
    })
  })

  it('asks for the result of a task that has none by default, when the caller wants it', () => {
    const task = defineTask({ name: 'add', ignoreResult: true, run() {} })
    expect(prepare(task, {}, { ignoreResult: false }).wantsResult).toBe(true)
  })

  it('sent from inside a task is its child', () => {
    const parent = aTaskMessage({ id: 'parent', rootId: 'root' })
    expect(prepare('add', [], {}, { parent }).message).toMatchObject({ parentId: 'parent', rootId: 'root' })
  })

  it.each<[unknown, SendOptions, RegExp]>([
    ['text', {}, /arguments of add must be an array or an object, got string/],
    [null, {}, /got null/],
    [new Date(), {}, /got a Date/],
    [[], { countdwn: 1 } as SendOptions, /unknown send option 'countdwn'/],
    [[], { countdown: 'soon' }, /countdown must be milliseconds or a duration like '10s', got "soon"/],
    [[], { countdown: -1 }, /countdown must be/],
    [[], { eta: new Date(Number.NaN) }, /eta must be a valid Date/],
    [[], { eta: new Date(), countdown: 1 }, /both say when to start/],
    [[], { expires: 'x' }, /expires must be/],
    [[], { retries: -1 }, /retries must be a whole number/],
    [[], { timeLimit: 0 }, /timeLimit must be milliseconds or a duration like '10s', more than 0/],
    [
      [],
      { timeLimit: 5_000, softTimeLimit: '6s' },
      /softTimeLimit must not be longer than timeLimit, got "6s" and 5000$/,
    ],
    [[], { queue: '' }, /queue must be a queue's name of 1 to 255 bytes, got ""$/],
    [[], { queue: 'ü'.repeat(128) }, /queue must be a queue's name of 1 to 255 bytes, got "ü{100}…"$/],
    [[], { taskId: '' }, /taskId must be a text/],
    [[], { priority: 256 }, /priority must be a whole number from 0 to 255, got 256/],
    [[], { headers: [] as never }, /headers must be an object/],
  ])('is refused for %j with %j', (args, options, message) => {
    expect(refusalOf(() => prepareTask('add', args as never, options, facts))).toMatch(message)
  })

  it('takes a soft time limit as long as the hard one, or without one', () => {
    expect(prepareTask('add', [], { timeLimit: 5_000, softTimeLimit: '5s' }, facts)).toBeDefined()
    expect(prepareTask('add', [], { softTimeLimit: '5s' }, facts)).toBeDefined()
  })

  it('names the path of a value that has no JSON form', () => {
    expect(() => prepareTask('add', [{ when: (() => 1) as never }], {}, facts)).toThrow(/args\[0\]\.when/)
  })

  const refusalOf = (call: () => unknown): string => {
    try {
      call()
    } catch (error) {
      if (TwqError.is(error, 'TWQ_ARGUMENTS')) return error.message
      throw error
    }
    throw new Error('nothing was refused')
  }
})

describe("a typed task's arguments", () => {
  const welcome = defineTask({
    name: 'welcome',
    schema: z.object({ userId: z.number(), locale: z.string().default('en') }),
    positional: ['userId'],
    named: ['locale?'],
    run: ({ userId }) => userId,
  })

  it.each<[AnyArguments]>([[{ userId: 1 }], [[1]], [{ userId: 1, locale: 'fr' }]])('may be %j', async (args) => {
    await checkArguments(welcome, args)
  })

  it.each<[AnyArguments | undefined, RegExp]>([
    [undefined, /missing 1 required positional argument: 'userId'/],
    [['1'], /invalid arguments: userId: /],
    [[1, 2], /takes 1 positional argument but 2 were given/],
    [{ userId: 1, locale: 2 }, /invalid arguments: locale: /],
    [{ userId: 1, local: 'fr' }, /welcome\(\) got an unexpected keyword argument 'local'; did you mean 'locale'\?/],
    [{ userID: 1 }, /welcome\(\) got an unexpected keyword argument 'userID'; did you mean 'userId'\?/],
  ])('may not be %j', async (args, message) => {
    await expect(checkArguments(welcome, args)).rejects.toThrow(message)
    await expect(checkArguments(welcome, args)).rejects.toMatchObject({ code: 'TWQ_ARGUMENTS' })
  })

  it('are sent as the caller gave them, for the worker to complete', () => {
    expect({ ...prepare(welcome, { userId: 1 }).message.kwargs }).toEqual({ userId: 1 })
  })
})
