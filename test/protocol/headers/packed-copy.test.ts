import { expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { packedCopy, unpacked } from '../../../src/protocol/headers/packed-copy.ts'
import { markedCopy, readMarks } from '../../../src/protocol/headers/suspect.ts'

const rawHeaders = encodeTable({ task: 'x', id: '1', large: 'y'.repeat(120_000) })
const original = {
  route: { exchange: 'orders', routingKey: 'a.b' },
  properties: { contentType: 'application/json' },
  headers: decodeFieldTable(rawHeaders).fields,
  rawHeaders,
  body: Buffer.from('[[], {}, {}]'),
}
const to = { queue: 'mail.suspects', starts: 1, redelivered: true, event: 'came back' }

it('carries the headers in front of the body, and our marks as headers', () => {
  const { route, message } = packedCopy(original, to)
  expect(route).toEqual({ exchange: '', routingKey: 'mail.suspects' })
  expect(encodeTable(message.headers).length).toBeLessThan(500)
  expect(readMarks(message.headers)).toMatchObject({ starts: 1, redelivered: true, route: original.route })
  expect(message.properties.contentType).toBe('application/json')
})

it.each(['decoded', 'raw'])('is unpacked to what a marked copy would be: %s', (form) => {
  const { message } = packedCopy(original, to)
  const received = form === 'raw' ? { ...message, rawHeaders: encodeTable(message.headers) } : message
  const marked = markedCopy(original, to).message
  const copy = unpacked(received)
  expect(copy?.headers).toEqual(marked.headers)
  expect(Buffer.from(copy?.rawHeaders ?? [])).toEqual(Buffer.from(marked.rawHeaders ?? []))
  expect(Buffer.from(copy?.body ?? [])).toEqual(original.body)
})

it('is packed again from what it was unpacked to', () => {
  const first = unpacked(packedCopy(original, to).message)
  const second = packedCopy({ ...original, ...first }, { ...to, starts: 2 })
  expect(unpacked(second.message)?.headers).toMatchObject({ task: 'x', 'x-twq-starts': 2 })
})

it.each([-1, 1.5, 13, 200_000, 'a', null, true, 2n ** 60n])('is no message that says %s', (length) => {
  expect(unpacked({ ...original, headers: { 'x-twq-headers-in-body': length }, rawHeaders: undefined })).toBeUndefined()
})
