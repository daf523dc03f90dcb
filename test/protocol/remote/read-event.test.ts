import { describe, expect, it } from 'vitest'
import { decodeEvents } from '../../../src/protocol/remote/read-event.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import { golden, wireOf } from '../golden.ts'

const JSON_TYPE = { contentType: 'application/json', contentEncoding: 'utf-8' }

function message(body: unknown, properties: WireMessage['properties'] = JSON_TYPE): WireMessage {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { properties, headers: {}, body: Buffer.from(text) }
}

const started = { type: 'task-started', hostname: 'w1@host1', timestamp: 100.5, utcoffset: 0, clock: 7, uuid: 't1' }
const read = (body: unknown) => decodeEvents(message(body))

describe('a message of events', () => {
  it.each(golden('events.json'))('$case is read whole', (captured) => {
    const body: unknown = JSON.parse(captured.body as string)
    expect(decodeEvents(wireOf(captured))).toEqual({
      kind: 'events',
      events: Array.isArray(body) ? body : [body],
      refused: 0,
    })
  })

  it('may be one, several or none', () => {
    expect(read(started)).toMatchObject({ events: [started] })
    expect(read([started, { ...started, clock: 8 }])).toMatchObject({ events: [started, { clock: 8 }] })
    expect(read([])).toEqual({ kind: 'events', events: [], refused: 0 })
  })

  it('keeps types and keys that nobody knows', () => {
    const custom = { ...started, type: 'task-half-done', percent: 50, nested: { deep: [null] } }
    expect(read(custom)).toEqual({ kind: 'events', events: [custom], refused: 0 })
    const strange = { type: 'billing', hostname: 'h', timestamp: 1 }
    expect(read(strange)).toEqual({ kind: 'events', events: [strange], refused: 0 })
  })

  it.each([0, -2, 6, 'east', undefined])('has the time that its sender gave, wherever that is: %s', (utcoffset) => {
    expect(read({ ...started, utcoffset })).toMatchObject({ events: [{ timestamp: 100.5 }] })
  })

  it.each([
    ['a clock below zero', { clock: -1 }],
    ['a broken clock', { clock: 1.5 }],
    ['a clock beyond all integers', { clock: 1e300 }],
    ['no clock', { clock: null }],
  ])('with %s has none', (_, fields) => {
    const decoded = read({ ...started, ...fields })
    expect(decoded).toMatchObject({ kind: 'events', refused: 0 })
    expect(decoded.kind === 'events' && decoded.events[0]).not.toHaveProperty('clock')
  })

  it.each([
    ['no type', { type: undefined }],
    ['an empty type', { type: '' }],
    ['no sender', { hostname: null }],
    ['no time', { timestamp: undefined }],
    ['a time in words', { timestamp: 'now' }],
    ['no task', { uuid: undefined }],
    ['a task that is no text', { uuid: { a: 1 } }],
  ])('with %s is none, and spoils no other', (_, fields) => {
    expect(read([{ ...started, ...fields }, started, 'x', null])).toEqual({
      kind: 'events',
      events: [started],
      refused: 3,
    })
  })

  it('takes no endless time', () => {
    const text = JSON.stringify(started).replace('100.5', 'Infinity')
    expect(decodeEvents(message(text))).toEqual({ kind: 'events', events: [], refused: 1 })
  })

  it('is no prototype of anything', () => {
    const decoded = decodeEvents(message(`{"__proto__": {"x": 1}, ${JSON.stringify(started).slice(1)}`))
    expect(decoded.kind === 'events' && Object.hasOwn(decoded.events[0] as object, '__proto__')).toBe(true)
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  it.each([
    ['not JSON', message('{')],
    ['pickle', message('x', { contentType: 'application/x-python-serialize' })],
    ['no type of content', message(started, {})],
    ['too deep', message('['.repeat(10_000))],
    ['with broken headers', { ...message(started), headersError: 'cut off' }],
  ])('that is %s is refused', (_, wire) => {
    expect(decodeEvents(wire)).toMatchObject({ kind: 'malformed', reason: expect.any(String) })
  })
})
