import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import {
  type FailureFacts,
  failedMessage,
  firstErrorHeaders,
  firstErrorOf,
  readFailureFacts,
} from '../../../src/protocol/headers/failed.ts'
import { readQuarantineFacts, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

const first = { type: 'OSError', detail: 'no route', traceback: 'first trace', at: NOW - 60_000, retries: 0 }

const facts: FailureFacts = {
  queue: 'mail',
  route: { exchange: 'orders', routingKey: 'a.b' },
  redelivered: false,
  id: 'id-1',
  task: 'mail.send',
  type: 'ValueError',
  detail: 'no such address',
  node: 'twq@host1',
  now: NOW,
  outcome: 'failed',
  traceback: 'a trace',
  retries: 2,
  nesting: 0,
  rerun: 1,
  startedAt: NOW - 1_000,
  first,
}

const headers = { task: 'mail.send', id: 'id-1', argsrepr: "('secret',)", kwargsrepr: "{'token': 'secret'}" }

const original: WireMessage = {
  properties: { contentType: 'application/json', contentEncoding: 'utf-8', expiration: '1000' },
  headers,
  rawHeaders: encodeTable(headers),
  body: Buffer.from('[["secret"], {}, {}]'),
}

describe('a message among the failed', () => {
  it('goes to the queue beside its own, with how its attempts ended', () => {
    const { route, message } = failedMessage(original, facts, { part: 'whole', expiration: 5_000 })
    expect(route).toEqual({ exchange: '', routingKey: 'mail.failed' })
    expect(message.properties.expiration).toBe('5000')
    expect(readQuarantineFacts(message.headers)).toMatchObject({ reason: 'ValueError', detail: 'no such address' })
    expect(readFailureFacts(message.headers)).toEqual({
      part: 'whole',
      outcome: 'failed',
      traceback: 'a trace',
      retries: 2,
      nesting: 0,
      rerun: 1,
      started: '2026-01-02T03:04:04.000Z',
      first,
    })
  })

  it('gives the original back byte for byte', () => {
    const restored = restoreQuarantined(failedMessage(original, facts, { part: 'whole' }).message)
    expect(restored?.route).toEqual(facts.route)
    expect(restored?.message).toMatchObject({ properties: original.properties, body: original.body })
    expect(Buffer.from(restored?.message.rawHeaders ?? [])).toEqual(Buffer.from(original.rawHeaders ?? []))
  })

  it('shows nothing of its arguments where only its headers are kept', () => {
    const { message } = failedMessage(original, facts, { part: 'headers' })
    const { rawHeaders = new Uint8Array(), body } = restoreQuarantined(message)?.message ?? original
    expect(Buffer.concat([rawHeaders, body, encodeTable(message.headers)]).includes('secret')).toBe(false)
    expect(decodeFieldTable(Buffer.from(rawHeaders)).fields).toEqual({ task: 'mail.send', id: 'id-1' })
  })

  it('bounds what a traceback takes', () => {
    const { message } = failedMessage(original, { ...facts, traceback: 'x'.repeat(1e6) }, { part: 'whole' })
    expect(readFailureFacts(message.headers)?.traceback).toHaveLength(8_000)
  })

  it.each([
    ['of no message', {}],
    ['that are of other types', { 'x-twq-kept': 7, 'x-twq-retries': 'many' }],
  ])('is not read from headers %s', (_title, given) => {
    expect(readFailureFacts(given)).toBeUndefined()
  })

  it('is read where any sender wrote its headers', () => {
    const hostile = { 'x-twq-kept': 'whole', 'x-twq-retries': -1, 'x-twq-rerun': 2 ** 60, 'x-twq-first-error': ['a'] }
    expect(readFailureFacts(hostile)).toMatchObject({ retries: 0, rerun: 0, first: undefined, traceback: null })
  })
})

it('knows the first error of a task from its headers, and not that of another task', () => {
  const carried = firstErrorHeaders('id-1', first)
  expect(firstErrorOf(carried, 'id-1')).toEqual(first)
  expect(firstErrorOf(carried, 'id-2')).toBeUndefined()
})
