import { expect, it } from 'vitest'
import { quarantineMessage, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'

const facts = {
  queue: 'mail',
  route: { exchange: 'orders', routingKey: 'a.b' },
  redelivered: true,
  id: 'id-1',
  task: undefined,
  type: 'DecodeError',
  detail: 'not JSON',
  node: 'twq@host1',
  now: Date.UTC(2026, 0, 2, 3, 4, 5),
}

const original: WireMessage = {
  properties: { contentType: 'application/json', expiration: '1000', userId: 'guest', messageId: 'm', deliveryMode: 1 },
  headers: { task: 'x' },
  rawHeaders: Uint8Array.from([1, 2, 3]),
  body: Buffer.from('{broken'),
}

it('puts a message into the quarantine of its queue, with the story of how it got there', () => {
  const { route, message } = quarantineMessage(original, facts)
  expect(route).toEqual({ exchange: '', routingKey: 'mail.quarantine' })
  expect(message.headers).toMatchObject({ 'x-twq-reason': 'DecodeError', 'x-twq-redelivered': true })
  expect(JSON.parse(String(message.headers['x-twq-story']))).toMatchObject({
    detail: 'not JSON',
    time: '2026-01-02T03:04:05.000Z',
    node: 'twq@host1',
    queue: 'mail',
    exchange: 'orders',
    'routing-key': 'a.b',
    id: 'id-1',
  })
})

it('takes the teeth out of properties that would act on the broker', () => {
  const { properties } = quarantineMessage(original, facts).message
  expect(properties).toEqual({
    contentType: 'application/json',
    contentEncoding: undefined,
    correlationId: undefined,
    deliveryMode: 2,
  })
})

it.each([
  ['a small header table', Uint8Array.from([1, 2, 3])],
  ['a header table too large for a header', new Uint8Array(60_000).fill(7)],
  ['an empty header table', new Uint8Array(0)],
])('gives a message with %s back byte for byte', (_title, rawHeaders) => {
  const restored = restoreQuarantined(quarantineMessage({ ...original, rawHeaders }, facts).message)
  expect(restored?.route).toEqual(facts.route)
  expect(restored?.message.properties).toEqual(original.properties)
  expect(Buffer.from(restored?.message.rawHeaders ?? [])).toEqual(Buffer.from(rawHeaders))
  expect(Buffer.from(restored?.message.body ?? [])).toEqual(Buffer.from(original.body))
})

it('does not mistake another message for a quarantined one', () => {
  expect(restoreQuarantined(original)).toBeUndefined()
})
