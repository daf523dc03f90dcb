import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import {
  delayable,
  delayBinding,
  delayRoute,
  isDelayable,
  keyBeforeDelay,
  LONGEST_DELAY,
  secondsUntil,
} from '../../../src/protocol/headers/delay-route.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'

const ZEROS = '0.'.repeat(25)

describe('the route of a delayed message', () => {
  it('is the one that Celery 5.6.3 takes', () => {
    expect(delayRoute('qq', 5)).toEqual({ exchange: 'celery_delayed_27', routingKey: `${ZEROS}1.0.1.qq` })
    expect(delayRoute('a.b', LONGEST_DELAY).routingKey).toBe(`${'1.'.repeat(28)}a.b`)
  })

  it('tells where the message was meant to go', () => {
    const { routingKey } = delayRoute('a.b', 3600)
    expect(keyBeforeDelay({ exchange: 'celery_delayed_delivery', routingKey })).toBe('a.b')
    // Of 3600 s the lowest level that a message waits in is that of 16.
    expect(keyBeforeDelay({ exchange: 'celery_delayed_3', routingKey })).toBe('a.b')
    expect(keyBeforeDelay({ exchange: 'celery_delayed_tasks', routingKey })).toBeUndefined()
    expect(keyBeforeDelay({ exchange: '', routingKey })).toBeUndefined()
    expect(keyBeforeDelay({ exchange: 'celery_delayed_delivery', routingKey: 'a.b' })).toBeUndefined()
    expect(keyBeforeDelay({ exchange: 'celery_delayed_delivery', routingKey: `2.${ZEROS}0.0.a` })).toBeUndefined()
  })

  it.each([
    ['celery', true],
    ['a.b', true],
    ['a*b', true],
    ['a.*', false],
    ['#', false],
    ['x'.repeat(199), true],
    ['x'.repeat(200), false],
    ['é'.repeat(100), false],
  ])('can lead to the queue %s: %s', (queue, possible) => {
    expect(isDelayable(queue)).toBe(possible)
  })

  it('comes out at its queue alone', () => {
    expect(delayBinding('b')).toBe(`${'*.'.repeat(28)}b`)
  })
})

it.each([
  [0, 0],
  [999, 0],
  [1000, 1],
  [3_599_999, 3599],
  [-5000, 0],
  [253_402_300_799_999, LONGEST_DELAY],
])('%s ms from now are %s whole seconds of delay', (ms, seconds) => {
  expect(secondsUntil(1_000_000 + ms, 1_000_000)).toBe(seconds)
})

it('leaves out of a message what would end its delay early, or for good', () => {
  const headers = {
    id: 'a',
    eta: '2030-01-01T00:00:00+00:00',
    expires: '2031-01-01T00:00:00+00:00',
    'x-death': [{ queue: 'celery_delayed_5', reason: 'expired' }],
    'x-first-death-queue': 'celery_delayed_5',
    'x-last-death-reason': 'expired',
    'x-delivery-count': 1,
    'x-acquired-count': 2,
    'x-twq-starts': 1,
    CC: ['elsewhere'],
    custom: 'kept',
  }
  const message = delayable({
    properties: { contentType: 'application/json', expiration: '5000', priority: 3, userId: 'guest' },
    headers,
    rawHeaders: encodeTable(headers),
    body: Buffer.from('[[], {}, {}]'),
  })
  expect(message.properties).toEqual({ contentType: 'application/json', priority: 3 })
  expect({ ...message.headers }).toEqual({
    id: 'a',
    eta: '2030-01-01T00:00:00+00:00',
    expires: '2031-01-01T00:00:00+00:00',
    'x-twq-starts': 1,
    custom: 'kept',
  })
  expect(decodeFieldTable(Buffer.from(message.rawHeaders ?? [])).fields).toEqual(message.headers)
})
