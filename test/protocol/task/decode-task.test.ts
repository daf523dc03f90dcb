import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTask } from '../../../src/protocol/task/decode-task.ts'
import type { Malformed, TaskMessage } from '../../../src/protocol/task-message.ts'
import { parseTimestamp } from '../../../src/protocol/timestamps.ts'
import type { Headers, HeaderValue, Properties, WireMessage } from '../../../src/protocol/wire.ts'
import { type Captured, golden, wireOf } from '../golden.ts'

const LIMITS = { maxBodySize: 1024 * 1024 }

/** A well-formed message, but for what is given. */
function aMessage(
  given: {
    headers?: { [name: string]: HeaderValue | undefined }
    body?: string | Uint8Array
    properties?: Partial<Properties>
    headersError?: string
  } = {},
): WireMessage {
  const headers: Record<string, HeaderValue> = Object.create(null)
  for (const [name, value] of Object.entries({ task: 'proj.add', id: 'id-1', ...given.headers })) {
    if (value !== undefined) headers[name] = value
  }
  return {
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', ...given.properties },
    headers,
    headersError: given.headersError,
    body: Buffer.from(given.body ?? '[[1, 2], {}, {}]'),
  }
}

function decoded(wire: WireMessage): TaskMessage {
  const result = decodeTask(wire, LIMITS)
  if (result.kind === 'task') return result.message
  throw new Error(result.malformed.reason)
}

function malformed(wire: WireMessage): Malformed {
  const result = decodeTask(wire, LIMITS)
  if (result.kind === 'malformed') return result.malformed
  throw new Error('the message was decoded')
}

const captured = golden('tasks.json')
const unusable =
  /serializer-|raw-(bad-eta|invalid-json|kwargs-not-dict|missing-id|no-headers-(list|not)|pickle|text|two)|compression-(?!zlib|brotli)/

/** What a captured message's own headers say it is. */
function expectedFields({ headers, properties }: Captured) {
  const [hard, soft] = (headers.timelimit ?? [null, null]) as (number | null)[]
  const time = (value: HeaderValue | undefined) => (typeof value === 'string' ? parseTimestamp(value) : undefined)
  const own = (name: string, missing: unknown) => headers[name] ?? missing
  return {
    id: headers.id,
    task: headers.task,
    retries: own('retries', 0),
    eta: time(headers.eta),
    expires: time(headers.expires),
    timeLimit: { hard: hard ? hard * 1000 : undefined, soft: soft ? soft * 1000 : undefined },
    rootId: own('root_id', headers.id),
    parentId: own('parent_id', null),
    group: own('group', null),
    groupIndex: own('group_index', null),
    shadow: own('shadow', null),
    origin: own('origin', null),
    argsRepr: own('argsrepr', ''),
    kwargsRepr: own('kwargsrepr', ''),
    ignoreResult: own('ignore_result', null),
    stampedHeaders: own('stamped_headers', null),
    stamps: own('stamps', {}),
    replyTo: properties.replyTo ?? '',
    correlationId: properties.correlationId ?? headers.id,
    priority: properties.priority,
    protocol: 2,
  }
}

describe('captured messages', () => {
  it.each(
    captured.filter(({ headers, body, case: name }) => headers.task && body?.startsWith('[') && !unusable.test(name)),
  )('$case decodes to what its headers say', (message) => {
    const task = decoded(wireOf(message))
    expect(task).toMatchObject(expectedFields(message))
    // NaN apart, the bodies hold what JSON.parse reads too, if less exactly.
    if (/nan|special|bytes/.test(message.case)) return
    const [args, kwargs, embed] = JSON.parse(message.body as string)
    expect(task).toMatchObject({ args, kwargs })
    expect(task.embed).toEqual({ callbacks: null, errbacks: null, chain: null, chord: null, ...embed })
  })

  it.each(captured.filter((message) => unusable.test(message.case)))('$case is malformed', (message) => {
    const found = malformed(wireOf(message))
    expect(found).toMatchObject({
      replyTo: message.properties.replyTo,
      correlationId: message.properties.correlationId ?? found.id,
    })
    expect({ id: found.id, task: found.task }).toEqual({ id: message.headers.id, task: message.headers.task })
  })

  function capturedAs(name: string): WireMessage {
    return wireOf(captured.find((message) => message.case === name) as Captured)
  }

  it('reads every JSON value that Python writes', () => {
    const { args, kwargs } = decoded(capturedAs('5.6.3-task-args-unicode-nan'))
    const text = ["it's", '"dq"', 'a\nb']
    expect(args).toEqual([
      'café 😀 \u2028',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2n ** 63n,
      10n ** 30n,
      -0,
      1e21,
      true,
      null,
      ...text,
    ])
    expect(kwargs).toEqual({ é: [1, 2], s: { 1: 2 } })
  })

  it('reads typed values', () => {
    const [at, naive, ...texts] = decoded(capturedAs('5.6.3-task-args-special-json')).args
    expect(at).toEqual(new Date('2024-01-02T03:04:05.678Z'))
    expect(naive).toEqual(new Date('2024-01-02T03:04:05Z'))
    expect(texts).toEqual(['2024-01-02', '03:04:05', '1.10', '00000000-0000-0000-0000-000000000001'])
    expect(decoded(capturedAs('5.6.3-task-args-bytes-json')).args).toEqual([
      new Uint8Array([97, 98, 99]),
      new Uint8Array([255, 0]),
    ])
  })

  it('keeps custom headers and leaves out those of the protocol', () => {
    const { headers } = decoded(capturedAs('5.6.3-task-headers'))
    expect(headers).toEqual({ 'x-tenant': 'acme', n: 5, f: 1.5, nested: { a: [1, null, true] } })
  })

  it('shows a task nothing of what workers note on its message', () => {
    const wire = capturedAs('5.6.3-task-headers')
    const noted = { ...wire.headers, 'x-twq-first-error': { id: 'a' }, 'x-twq-starts': 2, 'x-twq-rerun': 1 }
    const message = decoded({ ...wire, headers: noted })
    expect(message).toMatchObject({ rerun: 1 })
    expect(Object.keys(message.headers)).toEqual(['x-tenant', 'n', 'f', 'nested'])
  })

  it.each(['5.2.6-task-v1', '5.6.3-task-v1'])('reads protocol 1: %s', (name) => {
    const wire = capturedAs(name)
    const body = JSON.parse(Buffer.from(wire.body).toString())
    expect(decoded(wire)).toMatchObject({
      protocol: 1,
      id: body.id,
      task: 'proj.add',
      args: [1, 1],
      kwargs: {},
      eta: parseTimestamp(body.eta),
      expires: parseTimestamp(body.expires),
      embed: { callbacks: body.callbacks, errbacks: null, chain: null, chord: null },
      rootId: body.id,
      argsRepr: '(1, 1)',
      correlationId: body.id,
      replyTo: wire.properties.replyTo,
    })
  })

  it('inflates a zlib body', () => {
    expect(decoded(capturedAs('5.6.3-task-compression-zlib')).args).toEqual(
      decoded(capturedAs('5.2.6-task-compression-zlib')).args,
    )
  })

  it('refuses content in the words that Celery uses', () => {
    expect(malformed(capturedAs('5.6.3-raw-pickle-content'))).toEqual({
      type: 'ContentDisallowed',
      reason: 'Refusing to deserialize untrusted content of type pickle (application/x-python-serialize)',
      id: 'raw-5',
      task: 'proj.add',
      replyTo: undefined,
      correlationId: 'raw-5',
      place: expect.objectContaining({ id: 'raw-5', task: 'proj.add' }),
    })
  })
})

describe('a body that is an object', () => {
  const v1 = { task: undefined, id: undefined }

  it.each<[string, Record<string, HeaderValue | undefined>, object, object]>([
    ['missing arguments are none', v1, { task: 't', id: 'i' }, { args: [], kwargs: {}, protocol: 1 }],
    ['null arguments are none', {}, { args: null, kwargs: null }, { args: [], kwargs: {}, id: 'id-1' }],
    ['taskset is the group', v1, { task: 't', id: 'i', taskset: 'a', group: 'b' }, { group: 'a' }],
    ['a null taskset is not', v1, { task: 't', id: 'i', taskset: null, group: 'b' }, { group: 'b' }],
    ['a naive time is UTC', v1, { task: 't', id: 'i', eta: '2030-01-01T00:00:00' }, { eta: Date.UTC(2030, 0) }],
    [
      'a naive time is local without utc',
      v1,
      { task: 't', id: 'i', eta: '2030-01-01T00:00:00', utc: false },
      { eta: new Date(2030, 0).getTime() },
    ],
    [
      'headers override it',
      { id: 'theirs', retries: 2 },
      { args: [1], id: 'ours', retries: 1, root_id: 'r', callbacks: [{}] },
      { id: 'theirs', retries: 2, rootId: 'r', embed: { callbacks: [{}], errbacks: null, chain: null, chord: null } },
    ],
  ])('%s', (_title, headers, body, expected) => {
    expect(decoded(aMessage({ headers, body: JSON.stringify(body) }))).toMatchObject(expected)
  })
})

describe('tolerance', () => {
  it.each<[string, Parameters<typeof aMessage>[0], object]>([
    [
      'a null embed',
      { body: '[[1], {}, null]' },
      { embed: { callbacks: null, errbacks: null, chain: null, chord: null } },
    ],
    ['no content encoding', { properties: { contentEncoding: undefined } }, { args: [1, 2] }],
    ['a binary content encoding', { properties: { contentEncoding: 'binary' } }, { args: [1, 2] }],
    [
      'a content type with parameters',
      { properties: { contentType: 'Application/JSON; charset=utf-8' } },
      { args: [1, 2] },
    ],
    ['an empty correlation id', { properties: { correlationId: '' } }, { correlationId: 'id-1' }],
    ['a reply_to that is no queue', { properties: { replyTo: 'a queue\nforged' } }, { replyTo: '' }],
    ['an empty eta', { headers: { eta: '' } }, { eta: undefined }],
    ['a zero time limit', { headers: { timelimit: [0, 30.5] } }, { timeLimit: { hard: undefined, soft: 30_500 } }],
    [
      'display fields of odd types',
      { headers: { origin: 1, argsrepr: null, shadow: [], stamps: 's' } },
      { origin: null, argsRepr: '', shadow: null, stamps: {} },
    ],
    ['a null ignore_result', { headers: { ignore_result: null } }, { ignoreResult: null }],
    ['an integer header beyond 2^53', { headers: { n: 2n ** 60n } }, { headers: { n: 2n ** 60n } }],
    [
      'names that objects have',
      { headers: { task: 'constructor', id: '__proto__' } },
      { task: 'constructor', id: '__proto__' },
    ],
    ['zlib', { headers: { compression: 'zlib' }, body: deflateSync('[[3], {}, {}]') }, { args: [3] }],
    [
      'brotli',
      { headers: { compression: 'application/x-brotli' }, body: brotliCompressSync('[[3], {}, {}]') },
      { args: [3] },
    ],
    ['real gzip', { headers: { compression: 'application/x-gzip' }, body: gzipSync('[[3], {}, {}]') }, { args: [3] }],
  ])('takes %s', (_title, message, expected) => {
    expect(decoded(aMessage(message))).toMatchObject(expected)
  })
})

describe('hostile messages', () => {
  const body = (value: string | Uint8Array, reason: string) => [{ body: value }, reason] as const
  const header = (name: string, value: HeaderValue | undefined, reason: string) =>
    [{ headers: { [name]: value } }, reason] as const
  const property = (properties: Partial<Properties>, reason: string) => [{ properties }, reason] as const
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const bomb = deflateSync(Buffer.alloc(8 * 1024 * 1024, ' '))
  const zlib = (bytes: Uint8Array | string, reason: string) =>
    [{ headers: { compression: 'application/x-gzip' }, body: bytes }, reason] as const

  it.each<readonly [Parameters<typeof aMessage>[0], string]>([
    body('', "the body can't be decoded"),
    body('null', 'the headers name no task'),
    body('7', 'not an object'),
    body('"hello"', 'not an object'),
    body('true', 'not an object'),
    body('NaN', 'not an object'),
    body('{}', 'or an object with args'),
    body('{"foo":1}', 'or an object with args'),
    body('{"args":{}}', 'args must be an array'),
    body('{"args":[],"kwargs":[]}', 'kwargs must be an object'),
    body('{"args":"abc"}', "args must be an array, not 'abc'"),
    body('[]', 'has 0 elements'),
    body('[[1]]', 'has 1 elements'),
    body('[[1],{}]', 'has 2 elements'),
    body('[[1],{},{},{}]', 'has 4 elements'),
    body('[{},{},{}]', 'args must be an array'),
    body('[1,{},{}]', 'args must be an array, not 1'),
    body('["ab",{},{}]', 'args must be an array'),
    body('[null,{},{}]', 'args must be an array, not None'),
    body('[[1],[],{}]', 'kwargs must be an object, not []'),
    body('[[1],null,{}]', 'kwargs must be an object, not None'),
    body('[[1],"x",{}]', 'kwargs must be an object'),
    body('[[1],{"__type__":"bytes","__value__":"x"},{}]', 'kwargs must be an object'),
    body('[[1],{"__type__":"datetime","__value__":"2024-01-01"},{}]', 'kwargs must be an object'),
    body('[[1],{},[]]', 'third element'),
    body('[[1],{},7]', 'third element'),
    body('[[1],{},{"callbacks":{}}]', 'callbacks must be an array'),
    body('[[1],{},{"errbacks":"x"}]', 'errbacks must be an array'),
    body('[[1],{},{"chain":1}]', 'chain must be an array'),
    body('[[1,2', 'not JSON'),
    body('[[1], {}, {}] x', 'not JSON'),
    body('\u0000', 'not JSON'),
    body(new Uint8Array([0x5b, 0xff, 0xfe]), 'not UTF-8'),
    body(new Uint8Array([0x80, 0x04, 0x95]), 'not UTF-8'),
    body(`[[${nested(900)}], {}, {}]`, 'nested more than 256'),
    body(`[[${nested(10_000)}], {}, {}]`, 'nested more than 256'),
    body(`[["${'x'.repeat(2 ** 20)}"], {}, {}]`, 'more than the 1048576 allowed'),
    header('task', ['proj.add'], "task must be a text of 1 to 255 bytes, not ['proj.add']"),
    header('task', null, 'task must be a text of 1 to 255 bytes, not None'),
    header('task', 5, 'not 5'),
    header('task', '', "not ''"),
    header('task', 'é'.repeat(200), 'task must be'),
    header('task', { a: 1 }, "not {'a': 1}"),
    header('task', new Uint8Array(3), 'task must be'),
    header('task', undefined, 'the headers name no task'),
    header('id', undefined, 'the message has no id'),
    header('id', null, 'not None'),
    header('id', 5, 'not 5'),
    header('id', 2n ** 60n, 'not 1152921504606846976'),
    header('id', 'x'.repeat(256), 'id must be'),
    header('id', [], 'not []'),
    header('eta', 'tomorrow', "invalid eta value 'tomorrow'"),
    header('eta', 1700000000, 'invalid eta value 1700000000'),
    header('eta', '2026-02-30T00:00:00', 'invalid eta'),
    header('eta', '9'.repeat(100_000), 'invalid eta'),
    header('eta', { '!': 'timestamp', value: 1 }, 'invalid eta'),
    header('expires', 'soon', "invalid expires value 'soon'"),
    header('expires', 120, 'invalid expires value 120'),
    header('expires', true, 'invalid expires value True'),
    header('timelimit', 'x', "timelimit must be an array of two, [hard, soft], not 'x'"),
    header('timelimit', [1], 'not [1]'),
    header('timelimit', [1, 2, 3], 'timelimit must be'),
    header('timelimit', { 0: 1, 1: 2 }, 'timelimit must be'),
    header('timelimit', ['300', null], 'the hard time limit'),
    header('timelimit', [null, -1], 'the soft time limit'),
    header('timelimit', [Number.NaN, null], 'the hard time limit'),
    header('timelimit', [1e308, null], 'the hard time limit'),
    header('timelimit', [2n ** 60n, null], 'the hard time limit'),
    header('retries', 'x', "retries must be a count, not 'x'"),
    header('retries', -1, 'retries must be'),
    header('retries', 1.5, 'retries must be'),
    header('retries', 2n ** 60n, 'retries must be'),
    header('compression', 'application/x-bz2', 'compression application/x-bz2 is not supported'),
    header('compression', 'zlib', "can't be inflated"),
    header('compression', ['zlib'], 'compression of type object is not supported'),
    header('compression', `${'x'.repeat(63)}😀`, `compression ${'x'.repeat(63)} is not supported`),
    header('compression', '__proto__', 'compression __proto__ is not supported'),
    zlib(bomb, 'inflates to more than the 1048576 bytes'),
    zlib(gzipSync(bomb), 'not UTF-8'),
    zlib(deflateSync('[[1], {}, {}]').subarray(0, 10), "can't be inflated"),
    zlib(new Uint8Array(0), "can't be inflated"),
    property({ contentType: undefined }, 'the message has no content type'),
    property({ contentType: 'application/data' }, 'untrusted content of type application/data'),
    property({ contentType: 'text/plain' }, 'untrusted content of type text/plain (text/plain)'),
    property({ contentType: 'application/x-yaml' }, 'of type yaml (application/x-yaml)'),
    property({ contentType: 'application/x-msgpack' }, 'of type msgpack (application/x-msgpack)'),
    property({ contentType: 'constructor' }, 'of type constructor (constructor)'),
    property({ contentEncoding: 'latin-1' }, 'content encoding latin-1 is not supported'),
    property({ contentEncoding: 'utf-16' }, 'content encoding utf-16 is not supported'),
    [{ headersError: 'nested more than 64 levels deep' }, "the headers can't be read: nested more than 64 levels deep"],
  ])('%#: is refused with its reason', (message, reason) => {
    const found = malformed(aMessage(message))
    expect(found.reason).toContain(reason)
    expect(found.reason.length).toBeLessThan(400)
  })

  it('tells whoever waits, as far as the message says who', () => {
    const properties = { replyTo: 'reply-queue', correlationId: 'c-1' }
    expect(malformed(aMessage({ properties, body: '[' }))).toMatchObject({
      id: 'id-1',
      task: 'proj.add',
      ...properties,
    })
    expect(malformed(aMessage({ headers: { id: [] } }))).toMatchObject({ id: undefined, correlationId: undefined })
    const v1 = aMessage({ headers: { task: undefined, id: undefined }, body: '{"task":"t","id":"i","args":1}' })
    expect(malformed(v1)).toMatchObject({ type: 'InvalidTaskError', id: 'i', task: 't', correlationId: 'i' })
  })

  it('never throws, whatever headers and body hold', { timeout: 60_000 }, () => {
    const value = fc.letrec<{ value: HeaderValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<HeaderValue>(null, '', 0, -1, Number.NaN, 2n ** 60n, 'x', '2030-01-01T00:00:00', 'zlib', true),
        fc.uint8Array(),
        fc.string(),
        fc.double(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
      ),
    })).value
    const names = [
      'task',
      'id',
      'eta',
      'expires',
      'timelimit',
      'retries',
      'compression',
      'stamps',
      'stamped_headers',
      '__proto__',
    ]
    const genuine = fc.constantFrom(...captured.map(wireOf))
    const headers = fc.dictionary(fc.constantFrom(...names), value) as fc.Arbitrary<Headers>
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 })
    fc.assert(
      fc.property(genuine, headers, flips, (wire, changed, changes) => {
        const body = Buffer.from(wire.body)
        for (const [at, byte] of changes) body[at % body.length] = byte
        const { kind } = decodeTask({ ...wire, headers: { ...wire.headers, ...changed }, body }, LIMITS)
        expect(['task', 'malformed']).toContain(kind)
        expect(({} as Record<string, unknown>).polluted).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })
})

it("has the AMQP properties as they came: Celery's request.properties", () => {
  const properties = { appId: '1234', userId: 'guest', messageId: 'm-1', deliveryMode: 2, priority: 3 }
  expect(decoded(aMessage({ properties })).properties).toMatchObject({ ...properties, contentType: 'application/json' })
})
