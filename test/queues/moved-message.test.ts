import { describe, expect, it } from 'vitest'
import { encodeTable } from '../../src/protocol/headers/encode-field-table.ts'
import { quarantineMessage } from '../../src/protocol/headers/quarantine.ts'
import { readMarks } from '../../src/protocol/headers/suspect.ts'
import type { Headers, Properties } from '../../src/protocol/wire.ts'
import { movedMessage } from '../../src/queues/moved-message.ts'

function aDelivery(over: {
  headers?: Headers
  properties?: Properties
  rawHeaders?: Uint8Array
  redelivered?: boolean
}) {
  return {
    route: { exchange: 'celery', routingKey: 'celery' },
    redelivered: false,
    properties: {},
    headers: {},
    body: Buffer.from('[]'),
    ...over,
  }
}

describe('a message that is moved', () => {
  it('keeps its bytes, and reaches its new queue alone', () => {
    const rawHeaders = Buffer.from([1, 2, 3])
    const moved = movedMessage(aDelivery({ rawHeaders, properties: { priority: 3, userId: 'ada' } }), 'other')
    expect(moved.route).toEqual({ exchange: '', routingKey: 'other' })
    expect(moved.message.rawHeaders).toBe(rawHeaders)
    expect(moved.message.properties).toEqual({ priority: 3 })
  })

  it('is not copied to the queues that CC and BCC name', () => {
    const headers = { task: 'add', CC: ['a'], BCC: ['b'] }
    const { message } = movedMessage(aDelivery({ headers, rawHeaders: encodeTable(headers) }), 'other')
    expect(message.headers).toEqual({ task: 'add' })
    expect(message.rawHeaders).toEqual(encodeTable({ task: 'add' }))
  })

  it.each([
    ['a classic queue gave it out before', { redelivered: true }, 1],
    ['a quorum queue counted', { redelivered: true, headers: { 'x-delivery-count': 2 } }, 2],
    ['it was marked before', { redelivered: true, headers: { 'x-twq-starts': 1 } }, 2],
  ])('remembers that it may have started: %s', (_, over, starts) => {
    const { message } = movedMessage(aDelivery(over), 'other')
    expect(readMarks(message.headers)).toMatchObject({
      starts,
      redelivered: true,
      route: { exchange: 'celery', routingKey: 'celery' },
    })
    expect(message.headers).not.toHaveProperty('x-delivery-count')
  })

  it('keeps the story of its quarantine', () => {
    const facts = {
      queue: 'celery',
      route: { exchange: '', routingKey: 'celery' },
      redelivered: false,
      id: 'i',
      task: 't',
      type: 'NotRegistered',
      detail: '',
      node: 'w@h',
      now: 0,
    }
    const { message } = quarantineMessage(aDelivery({}), facts)
    const moved = movedMessage({ ...aDelivery({ redelivered: true }), ...message }, 'other')
    expect(moved.message.headers).toEqual(message.headers)
  })

  it('is left alone where its headers can not be read', () => {
    const rawHeaders = Buffer.from([255])
    const broken = { ...aDelivery({ rawHeaders, redelivered: true }), headersError: 'broken' }
    expect(movedMessage(broken, 'other').message.rawHeaders).toBe(rawHeaders)
  })
})
