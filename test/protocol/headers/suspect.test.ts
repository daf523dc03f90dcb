import { expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { quarantineMessage, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import { deliveryCount, markedCopy, readMarks } from '../../../src/protocol/headers/suspect.ts'

const headers = { task: 'x', id: '1', 'x-delivery-count': 1, 'x-acquired-count': 2, CC: ['elsewhere'], tenant: 'acme' }

const original = {
  route: { exchange: 'orders', routingKey: 'a.b' },
  properties: { contentType: 'application/json', priority: 3, userId: 'guest', expiration: '1000' },
  headers,
  rawHeaders: encodeTable(headers),
  body: Buffer.from('[[], {}, {}]'),
}

it('writes the past of a message into a copy that only its own queue gets', () => {
  const { route, message } = markedCopy(original, { queue: 'mail', starts: 1, redelivered: true, event: 'came back' })
  expect(route).toEqual({ exchange: '', routingKey: 'mail' })
  expect(message.headers).toEqual({
    task: 'x',
    id: '1',
    tenant: 'acme',
    'x-twq-starts': 1,
    'x-twq-redelivered': true,
    'x-twq-exchange': 'orders',
    'x-twq-routing-key': 'a.b',
    'x-twq-history': ['came back'],
  })
  expect(message.properties).toEqual({ contentType: 'application/json', priority: 3, expiration: '1000' })
  expect(message.body).toBe(original.body)
  const sent = Buffer.from(message.rawHeaders ?? [])
  const kept = encodeTable({ task: 'x', id: '1', tenant: 'acme' })
  expect(sent.subarray(0, kept.length)).toEqual(kept)
  expect(decodeFieldTable(sent).fields).toEqual(message.headers)
})

it('remembers the first route and every move of a copy of a copy', () => {
  const first = markedCopy(original, { queue: 'mail', starts: 1, redelivered: true, event: 'one' })
  const second = markedCopy(
    { ...first.message, route: first.route },
    { queue: 'mail.suspects', starts: 2, redelivered: true, event: 'two' },
  )
  expect(readMarks(second.message.headers)).toEqual({
    starts: 2,
    redelivered: true,
    graceUsed: false,
    route: original.route,
    history: ['one', 'two'],
  })
})

it('has a message stay answerable, however it is copied, until a copy says otherwise', () => {
  const to = { queue: 'mail.suspects', starts: 2, redelivered: true }
  const { message, route } = markedCopy(original, { ...to, graceUsed: true })
  const again = markedCopy({ ...message, route }, to)
  expect(readMarks(again.message.headers).graceUsed).toBe(true)
  expect(again.message.headers['x-twq-grace-used']).toBe(true)
  const last = markedCopy({ ...message, route }, { ...to, graceUsed: false })
  expect(last.message.headers).not.toHaveProperty('x-twq-grace-used')
})

it('quarantines a marked message as the one that was sent, with its past beside it', () => {
  const { message, route } = markedCopy(original, {
    queue: 'mail.suspects',
    starts: 2,
    redelivered: true,
    event: 'two',
  })
  const quarantined = quarantineMessage(message, {
    queue: 'mail',
    route,
    redelivered: true,
    id: undefined,
    task: undefined,
    type: 'WorkerLostError',
    detail: 'died',
    node: 'twq@host1',
    starts: 3,
    now: 0,
  })
  expect(quarantined.message.headers).toMatchObject({ 'x-twq-starts': 3, 'x-twq-history': ['two'] })
  const restored = restoreQuarantined(quarantined.message)
  expect(restored?.route).toEqual(original.route)
  expect(restored?.message.rawHeaders).toEqual(encodeTable({ task: 'x', id: '1', tenant: 'acme' }))
  expect(restored?.message.body).toEqual(original.body)
})

it('reads nothing into headers that somebody else made up', () => {
  const headers = { 'x-twq-starts': '9', 'x-twq-history': 'none', 'x-twq-exchange': 1, 'x-delivery-count': -1 }
  expect(readMarks(headers)).toEqual({
    starts: 0,
    redelivered: false,
    graceUsed: false,
    route: undefined,
    history: [],
  })
  expect(deliveryCount(headers)).toBeUndefined()
})
