import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { packedCopy, unpacked } from '../../../src/protocol/headers/packed-copy.ts'
import { quarantineMessage, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import { markedCopy, readMarks } from '../../../src/protocol/headers/suspect.ts'
import type { Headers, HeaderValue } from '../../../src/protocol/wire.ts'
import { movedMessage } from '../../../src/queues/moved-message.ts'
import {
  type DeliverySource,
  decideAfterCrash,
  decideStart,
  factsOf,
  startsSoFar,
} from '../../../src/worker/quarantine/poison-policy.ts'

const NAMES = [
  'x-twq-starts',
  'x-twq-redelivered',
  'x-twq-grace-used',
  'x-twq-exchange',
  'x-twq-routing-key',
  'x-twq-history',
  'x-twq-headers-in-body',
  'x-twq-properties',
  'x-twq-headers',
  'x-twq-queue',
  'x-twq-story',
  'x-acquired-count',
  'CC',
  'BCC',
]

const long = fc.integer({ min: 0, max: 3_000 }).map((length) => 'é'.repeat(length))
const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger(), fc.constantFrom(-1, 0, 1, 2, 3, 2 ** 40))
const scalar: fc.Arbitrary<HeaderValue> = fc.oneof(
  number,
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.boolean(),
  long,
  fc.constant(null),
)
const value: fc.Arbitrary<HeaderValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 40 }),
  fc.dictionary(fc.constantFrom('a', 'contentType', 'priority'), scalar),
)
/** Entries of ours that somebody else wrote, in any order, some of them twice. */
const marks = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 20 })
const own = { task: 'mail.send', id: 'id-1', tenant: 'acme' }

function aMessage(entries: readonly (readonly [string, HeaderValue])[]) {
  const rawHeaders = Buffer.concat([
    encodeTable(own),
    ...entries.map(([name, content]) => encodeTable({ [name]: content })),
  ])
  const { fields, error } = decodeFieldTable(rawHeaders)
  expect(error).toBeUndefined()
  const route = { exchange: 'orders', routingKey: 'a.b' }
  return { route, properties: {}, headers: fields, rawHeaders, body: Buffer.from('[[], {}, {}]') }
}

const ORDER = ['run', 'mark', 'suspect', 'quarantine']
const policies = [
  { maxStarts: 3, isolated: true },
  { maxStarts: 2, isolated: true },
  { maxStarts: 3, isolated: false },
]

it('marks that somebody else wrote lower no count, and bring a message no nearer to running', () => {
  const delivered = fc.record({
    redelivered: fc.boolean(),
    returns: fc.constantFrom(undefined, 0, 1, 2, 20),
    source: fc.constantFrom<DeliverySource>('tasks', 'suspects'),
  })
  fc.assert(
    fc.property(
      marks,
      delivered,
      fc.constantFrom(...policies),
      fc.boolean(),
      (entries, { redelivered, returns, source }, policy, started) => {
        const counted: Headers = returns === undefined ? {} : { 'x-delivery-count': returns }
        const honest = factsOf({ headers: { ...own, ...counted }, redelivered }, source)
        const marked = factsOf({ headers: { ...aMessage(entries).headers, ...counted }, redelivered }, source)
        expect(startsSoFar(marked).starts).toBeGreaterThanOrEqual(startsSoFar(honest).starts)
        const severity = (kind: string): number => ORDER.indexOf(kind)
        const loss = { maxStarts: policy.maxStarts, started }
        expect(severity(decideAfterCrash(marked, loss).kind)).toBeGreaterThanOrEqual(
          severity(decideAfterCrash(honest, loss).kind),
        )
        // A suspect that can't run alone is copied once, to say that it is not forgiven any more: that mark says no less.
        if (source === 'suspects' && !policy.isolated) return
        expect(severity(decideStart(marked, policy).kind)).toBeGreaterThanOrEqual(
          severity(decideStart(honest, policy).kind),
        )
      },
    ),
  )
})

it('a count of a queue that somebody else wrote lets no message come back twice uncounted', () => {
  fc.assert(
    fc.property(marks, fc.constantFrom(0, 1, -1, 2 ** 60, 'many', null), (entries, count) => {
      // A classic queue: the header stays as it is, however often the message comes back.
      let headers: Headers = { ...aMessage(entries).headers, 'x-delivery-count': count }
      let [starts, queue] = [0, 'mail']
      for (; starts < 10 && queue === 'mail'; starts += 1) {
        const verdict = decideStart(factsOf({ headers, redelivered: starts > 0 }, 'tasks'), {
          maxStarts: 3,
          isolated: true,
        })
        if (verdict.kind === 'run') continue
        if (verdict.kind !== 'mark') queue = 'mail.suspects'
        const to = { queue, redelivered: true, starts: 'starts' in verdict ? verdict.starts : 0 }
        headers = markedCopy(
          { route: { exchange: '', routingKey: 'mail' }, properties: {}, headers, body: Buffer.alloc(0) },
          to,
        ).message.headers
      }
      expect(starts).toBeLessThanOrEqual(4)
    }),
  )
})

it('a copy of a message with such marks goes to its queue alone, and grows by no more than ours take', () => {
  fc.assert(
    fc.property(marks, (entries) => {
      const message = aMessage(entries)
      const to = { queue: 'mail', starts: 1, redelivered: true, event: 'came back' }
      for (const copy of [markedCopy(message, to), movedMessage({ ...message, redelivered: true }, 'mail')]) {
        expect(copy.route).toEqual({ exchange: '', routingKey: 'mail' })
        const table = Buffer.from(copy.message.rawHeaders ?? [])
        expect(table.length).toBeLessThan(message.rawHeaders.length + 20_000)
        const { fields } = decodeFieldTable(table)
        expect(fields).toMatchObject(own)
        expect(fields).toEqual(copy.message.headers)
        expect(fields).not.toHaveProperty('CC')
        expect(fields).not.toHaveProperty('BCC')
      }
      expect(readMarks(markedCopy(message, to).message.headers).starts).toBe(1)
      const packed = packedCopy(message, to).message
      expect(encodeTable(packed.headers).length).toBeLessThan(30_000)
      expect(unpacked(packed)?.headers).toMatchObject(own)
    }),
  )
})

it('a message with such marks is quarantined within one frame, and had back byte for byte', () => {
  const facts = {
    queue: 'mail',
    route: { exchange: 'orders', routingKey: 'a.b' },
    redelivered: true,
    id: 'x'.repeat(100_000),
    task: 'y'.repeat(100_000),
    type: 'DecodeError',
    detail: 'é'.repeat(100_000),
    node: 'twq@host',
    now: 0,
  }
  fc.assert(
    fc.property(marks, fc.constantFrom(undefined, 'body', 'headers'), (entries, place) => {
      const message = aMessage(entries)
      const { route, message: quarantined } = quarantineMessage(message, facts, place)
      expect(route.routingKey).toBe('mail.quarantine')
      if (place !== 'headers') expect(encodeTable(quarantined.headers).length).toBeLessThan(120_000)
      const stored = quarantined.headers['x-twq-headers']
      const length = Number(quarantined.headers['x-twq-headers-in-body'])
      const table = stored instanceof Uint8Array ? stored : quarantined.body.subarray(0, length)
      expect(Buffer.from(table).equals(message.rawHeaders)).toBe(true)
      const restored = restoreQuarantined(quarantined)
      expect(restored?.message.body).toEqual(message.body)
      expect(decodeFieldTable(Buffer.from(restored?.message.rawHeaders ?? [])).fields).toMatchObject(own)
      expect(readMarks(decodeFieldTable(Buffer.from(restored?.message.rawHeaders ?? [])).fields)).toMatchObject({
        starts: 0,
        redelivered: false,
        history: [],
      })
    }),
  )
})
