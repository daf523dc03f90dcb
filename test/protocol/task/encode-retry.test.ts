import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { decodeTask } from '../../../src/protocol/task/decode-task.ts'
import { type RetryChange, retryMessage } from '../../../src/protocol/task/encode-retry.ts'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import { parseTimestamp } from '../../../src/protocol/timestamps.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import { type Captured, golden, wireOf } from '../golden.ts'

const ETA = Date.UTC(2030, 0, 2)
const NOW = Date.UTC(2030, 0, 1)

function capturedAs(name: string): WireMessage {
  return wireOf(golden('tasks.json').find((message) => message.case === name) as Captured)
}

function decoded(wire: WireMessage): TaskMessage {
  const result = decodeTask(wire, { maxBodySize: 1024 * 1024 })
  if (result.kind === 'task') return result.message
  throw new Error(result.malformed.reason)
}

function retried(wire: WireMessage, change: Partial<RetryChange> = {}): WireMessage {
  return retryMessage(wire, decoded(wire), { eta: ETA, now: NOW, ...change })
}

function aMessage(given: Partial<WireMessage> = {}): WireMessage {
  return {
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', replyTo: 'replies', priority: 3 },
    body: Buffer.from('[ [1, 2],  {"a": 1},  {"chain": [{"task": "t"}]} ]'),
    ...given,
    headers: { task: 'proj.add', id: 'id-1', ...given.headers },
  }
}

describe('retryMessage', () => {
  it.each([
    ['5.6.3-res-retry-exc', '5.6.3-res-retry-exc.2'],
    ['5.6.3-res-autoretry', '5.6.3-res-autoretry.2'],
    ['5.6.3-res-retry-noexc', '5.6.3-res-retry-noexc.2'],
  ])('writes what Python wrote when it retried %s', (first, second) => {
    const original = capturedAs(first)
    const expected = capturedAs(second)
    const eta = parseTimestamp(String(expected.headers.eta)) as number
    const left = Number(expected.properties.expiration ?? 0)
    const now = (parseTimestamp(String(original.headers.expires)) ?? NOW) - left
    const actual = retried(original, { eta, now })

    const { eta: writtenEta, ...headers } = actual.headers
    const { eta: _eta, ...expectedHeaders } = expected.headers
    expect(headers).toEqual(expectedHeaders)
    expect(parseTimestamp(String(writtenEta))).toBe(eta)
    expect(actual.properties).toEqual(expected.properties)
    expect(actual.body).toBe(original.body)
  })

  it.each([
    ['with the protocol of today', aMessage()],
    ['with protocol 1', capturedAs('5.6.3-task-v1')],
  ])('says of one of which there may be two that its attempt may have started, %s', (_what, original) => {
    const { headers: usual } = retried(original)
    const { headers } = retried(original, { otherRunMaySend: true })
    expect(headers).toEqual({ ...usual, 'x-twq-redelivered': true })
  })

  it('keeps the bytes, custom headers, stamps, priority and reply_to, and drops the record of dead-lettering', () => {
    const headers = {
      task: 'proj.add',
      id: 'id-1',
      retries: 4,
      'x-tenant': 'acme',
      stamps: { a: 1 },
      stamped_headers: ['a'],
      CC: ['elsewhere'],
      'x-death': [{ count: 1 }],
      'x-first-death-queue': 'q',
      'x-first-death-reason': 'expired',
      'x-last-death-exchange': '',
      'x-delivery-count': 1,
      'x-acquired-count': 2,
      'x-twq-starts': 1,
    }
    const original = aMessage({ headers, rawHeaders: encodeTable(headers) })
    const actual = retried(original)
    expect(actual.headers).toEqual({
      task: 'proj.add',
      id: 'id-1',
      retries: 5,
      eta: '2030-01-02T00:00:00.000000+00:00',
      parent_id: 'id-1',
      'x-tenant': 'acme',
      stamps: { a: 1 },
      stamped_headers: ['a'],
    })
    expect(actual.body).toBe(original.body)
    expect(decodeFieldTable(Buffer.from(actual.rawHeaders ?? [])).fields).toEqual(actual.headers)
    expect(actual.properties).toMatchObject({ replyTo: 'replies', priority: 3, correlationId: 'id-1', deliveryMode: 2 })
  })

  it('keeps a compressed body as it is', () => {
    const original = aMessage({ headers: { compression: 'application/x-gzip' }, body: deflateSync('[[1], {}, {}]') })
    const actual = retried(original)
    expect(actual.body).toBe(original.body)
    expect(decoded(actual)).toMatchObject({ args: [1], retries: 1 })
  })

  it('writes a new body, uncompressed, when arguments are overridden', () => {
    const body = deflateSync('[[1, 2], {"a": 1}, {"chain": [{"task": "t"}]}]')
    const original = aMessage({ headers: { compression: 'zlib', argsrepr: '(1, 2)', kwargsrepr: "{'a': 1}" }, body })
    const actual = retried(original, { override: { args: [9] } })
    expect(actual.headers).not.toHaveProperty('compression')
    expect(actual.headers).toMatchObject({ argsrepr: '(9,)', kwargsrepr: "{'a': 1}" })
    expect(decoded(actual)).toMatchObject({ args: [9], kwargs: { a: 1 }, embed: { chain: [{ task: 't' }] } })
    expect(decoded(retried(original, { override: { kwargs: {} } }))).toMatchObject({ args: [1, 2], kwargs: {} })
  })

  it('makes protocol 2 of protocol 1', () => {
    const original = capturedAs('5.6.3-task-v1')
    const before = decoded(original)
    const actual = retried(original)
    expect(actual.headers).toMatchObject({ task: 'proj.add', retries: 1, parent_id: before.id, root_id: before.id })
    expect(decoded(actual)).toMatchObject({
      protocol: 2,
      id: before.id,
      args: before.args,
      embed: before.embed,
      expires: before.expires,
      replyTo: before.replyTo,
      eta: ETA,
    })
  })

  it('makes protocol 2 of the hybrid, custom headers included', () => {
    const headers = { 'x-tenant': 'acme', 'x-death': [], __proto__: null } as unknown as WireMessage['headers']
    const original = aMessage({
      headers,
      body: Buffer.from('{"args": [1], "kwargs": null, "callbacks": [{"task": "t"}]}'),
    })
    const actual = retried(original)
    expect(actual.headers).toMatchObject({ 'x-tenant': 'acme', retries: 1 })
    expect(actual.headers).not.toHaveProperty('x-death')
    expect(decoded(actual)).toMatchObject({ protocol: 2, args: [1], embed: { callbacks: [{ task: 't' }] } })
  })

  it('leaves the broker what remains until the task expires', () => {
    const original = aMessage({ headers: { expires: '2030-01-01T00:01:00+00:00' } })
    expect(retried(original).properties.expiration).toBe('60000')
    expect(retried(original, { now: ETA }).properties.expiration).toBe('0')
  })
})

it('a retry of a compressed message of protocol 1 says no more that its body is compressed', () => {
  const original = { properties: { contentType: 'application/json' }, headers: { compression: 'application/x-gzip' } }
  const body = deflateSync('{"task": "t", "id": "1", "args": [1]}')
  const actual = retried({ ...original, body })
  expect(actual.headers).not.toHaveProperty('compression')
  expect(decoded(actual).args).toEqual([1])
})

it('a retry that expires at another time says so in header and property', () => {
  const expires = '2030-01-01T00:00:05.000000+00:00'
  const actual = retried(aMessage({ headers: { expires } }), { expires: NOW + 60_000 })
  expect(actual.headers.expires).toBe('2030-01-01T00:01:00.000000+00:00')
  expect(actual.properties.expiration).toBe('60000')
})

describe('the arguments that a retry shows', () => {
  const change = { override: { args: [3, 4], kwargs: { b: 2 } } }

  it('are those it has, in place of the repr of the earlier ones', () => {
    const headers = { argsrepr: '(1, 2)', kwargsrepr: "{'a': 1}" }
    expect(retried(aMessage({ headers }), change).headers).toMatchObject({ argsrepr: '(3, 4)', kwargsrepr: "{'b': 2}" })
  })

  it('stay the texts that the sender chose', () => {
    const headers = { argsrepr: '(hidden)', kwargsrepr: "{'a': '*'}" }
    expect(retried(aMessage({ headers }), change).headers).toMatchObject(headers)
  })
})
