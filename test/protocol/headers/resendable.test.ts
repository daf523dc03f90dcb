import { expect, it } from 'vitest'
import { resendable } from '../../../src/protocol/headers/resendable.ts'

it('leaves properties that fit as they are', () => {
  const properties = { contentType: 'application/json', correlationId: 'x'.repeat(255), priority: 255 }
  expect(resendable(properties)).toBe(properties)
})

it('cuts a text that was not UTF-8, and has grown while it was read, at the end of a character', () => {
  const read = Buffer.alloc(255, 0xff).toString('utf8')
  expect(resendable({ contentType: read, type: 't' })).toEqual({ contentType: '\ufffd'.repeat(85), type: 't' })
  const { messageId } = resendable({ messageId: `${'x'.repeat(254)}é` })
  expect(messageId).toBe('x'.repeat(254))
})

it('leaves out a timestamp that no double says exactly', () => {
  expect(resendable({ timestamp: Number(2n ** 64n - 1n), appId: 'a' })).toEqual({ appId: 'a', timestamp: undefined })
})
