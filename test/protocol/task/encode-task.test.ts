import { describe, expect, it } from 'vitest'
import type { TwqError } from '../../../src/errors.ts'
import { decodeTask } from '../../../src/protocol/task/decode-task.ts'
import { encodeTask, type NewTask } from '../../../src/protocol/task/encode-task.ts'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import { parseTimestamp } from '../../../src/protocol/timestamps.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import type { JsonObject } from '../../../src/runtime/json.ts'
import { golden, wireOf } from '../golden.ts'

const NOW = Date.UTC(2026, 10, 22, 13)

function aTask(given: Partial<NewTask> = {}): NewTask {
  return { id: 'id-1', task: 'proj.add', origin: 'gen1@host1', args: [2, 3], ...given }
}

function decoded(wire: WireMessage): TaskMessage {
  const result = decodeTask(wire, { maxBodySize: 1024 * 1024 })
  if (result.kind === 'task') return result.message
  throw new Error(result.malformed.reason)
}

describe('encodeTask', () => {
  it('writes every header that Celery 5.6 writes, nulls included', () => {
    const { headers, properties, body } = encodeTask(aTask({ kwargs: { y: "it's" } }), { now: NOW })
    expect(headers).toEqual({
      lang: 'js',
      task: 'proj.add',
      id: 'id-1',
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: 'id-1',
      parent_id: null,
      argsrepr: '(2, 3)',
      kwargsrepr: "{'y': 'it\\'s'}",
      origin: 'gen1@host1',
      ignore_result: false,
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
    })
    expect(properties).toEqual({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      correlationId: 'id-1',
      replyTo: '',
      // As kombu, whose default it is.
      priority: 0,
      // Celery sends none.
      timestamp: NOW / 1000,
    })
    expect(Buffer.from(body).toString()).toBe(
      '[[2,3],{"y":"it\'s"},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
    )
  })

  it('writes times with microseconds and an offset, and limits as [hard, soft] in seconds', () => {
    const timeLimit = { hard: 60_000, soft: 30_500 }
    const { headers, properties } = encodeTask(
      aTask({ eta: NOW + 1, expires: NOW + 120_000, timeLimit, priority: 5, replyTo: 'replies' }),
      { now: NOW },
    )
    expect(headers).toMatchObject({
      eta: '2026-11-22T13:00:00.001000+00:00',
      expires: '2026-11-22T13:02:00.000000+00:00',
      timelimit: [60, 30.5],
    })
    expect(properties).toMatchObject({ expiration: '120000', priority: 5, replyTo: 'replies' })
  })

  it.each([
    [NOW - 5000, '0'],
    [NOW + 0.4, '0'],
    [NOW + 98_198_409_898, '98198409898'],
    [NOW + 11 * 365 * 86_400_000, undefined],
  ])('gives the broker what is left until %d', (expires, expiration) => {
    expect(encodeTask(aTask({ expires }), { now: NOW }).properties.expiration).toBe(expiration)
  })

  it("adds the caller's headers in forms that AMQP has", () => {
    const headers = {
      'x-tenant': 'acme',
      at: new Date(0),
      big: 2n ** 60n,
      bytes: new Uint8Array([1]),
      no: undefined,
      deep: { a: [1, { b: null }] },
    }
    expect(encodeTask(aTask({ headers }), { now: NOW }).headers).toMatchObject({
      'x-tenant': 'acme',
      at: '1970-01-01T00:00:00.000000+00:00',
      big: 2n ** 60n,
      bytes: new Uint8Array([1]),
      deep: { a: [1, { b: null }] },
    })
  })

  let bottomless: JsonObject = {}
  for (let level = 0; level < 5000; level++) bottomless = { a: bottomless }
  const endless = new Proxy([], {
    get: (list, key) => (key === 'length' ? 2 ** 32 - 1 : Reflect.get(list, key)),
    has: () => true,
  })

  it.each<[string, Partial<NewTask>, TwqError['code'], string]>([
    [
      'a header of the protocol',
      { headers: { task: 'x' } },
      'TWQ_USAGE',
      "the header name task is one of Celery's own",
    ],
    [
      'an integer beyond 64 bits',
      { headers: { n: 2n ** 63n } },
      'TWQ_UNSERIALISABLE',
      'headers.n is 9223372036854775808',
    ],
    [
      'an integer beyond all bounds',
      { headers: { n: 1n << 100_000_000n } },
      'TWQ_UNSERIALISABLE',
      'headers.n is too large',
    ],
    ['endless headers', { headers: { list: endless } }, 'TWQ_UNSERIALISABLE', 'larger than 1048576 bytes'],
    ['bottomless headers', { headers: bottomless }, 'TWQ_UNSERIALISABLE', 'nested more than 16 levels'],
    [
      'an argument without JSON form',
      { args: [1, { f: (() => 1) as never }] },
      'TWQ_UNSERIALISABLE',
      'args[1].f is a function',
    ],
    [
      'a named argument without JSON form',
      { kwargs: { m: new Map() as never } },
      'TWQ_UNSERIALISABLE',
      'kwargs.m is a Map',
    ],
    ['no id', { id: '' }, 'TWQ_UNSERIALISABLE', "the task id ''"],
    ['a long name', { task: 'x'.repeat(300) }, 'TWQ_UNSERIALISABLE', 'the task name'],
    ['an eta that is no time', { eta: Number.NaN }, 'TWQ_UNSERIALISABLE', 'eta NaN is no time'],
    ['an eta beyond Python', { eta: 8e15 }, 'TWQ_UNSERIALISABLE', 'eta 8000000000000000 is no time'],
  ])('refuses %s', (_title, given, code, message) => {
    expect(() => encodeTask(aTask(given), { now: NOW })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }) as Error,
    )
  })

  it('keeps headers small whatever the arguments', () => {
    const { headers } = encodeTask(aTask({ args: ['x'.repeat(1e6)], kwargs: { ['k'.repeat(1e6)]: 1 } }), { now: NOW })
    expect(Buffer.byteLength(JSON.stringify(headers))).toBeLessThan(4096)
  })

  it.each(
    golden('tasks.json').filter(
      ({ case: name, headers, body }) =>
        name.startsWith('5.6.3') &&
        headers.argsrepr !== undefined &&
        body?.startsWith('[') &&
        !/nan|special|bytes|yaml/.test(name),
    ),
  )('writes $case as Python did', (captured) => {
    const wire = wireOf(captured)
    const message = decoded(wire)
    const written = encodeTask({ ...message, origin: message.origin as string }, { now: NOW })

    const { eta, expires, argsrepr, kwargsrepr, replaced_task_nesting: _, ...headers } = wire.headers
    expect(written.headers).toMatchObject({ ...headers, lang: 'js' })
    expect(Object.keys(written.headers).sort()).toEqual(Object.keys(wire.headers).sort())
    for (const [name, value] of Object.entries({ eta, expires })) {
      // Ours end at milliseconds.
      expect(parseTimestamp(String(written.headers[name]))).toBe(parseTimestamp(String(value)))
    }
    const embed = { callbacks: null, errbacks: null, chain: null, chord: null }
    const [args, kwargs, more] = JSON.parse(captured.body as string)
    expect(JSON.parse(Buffer.from(written.body).toString())).toEqual([args, kwargs, { ...embed, ...more }])
    // JSON has no tuples, so where Python had others than the outermost the display differs.
    if (/^\([^([]*$/.test(String(argsrepr))) expect(written.headers.argsrepr).toBe(argsrepr)
    if (!/\(/.test(String(kwargsrepr))) expect(written.headers.kwargsrepr).toBe(kwargsrepr)
  })
})
