import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FramedPublish } from '../../../src/broker/amqp/frame-writer.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { amqplib, Bench, type Framed, framed, headerFrame } from './frames.ts'

function published({ route, properties, headers, body }: Framed, mandatory = true): FramedPublish {
  return { route, message: { properties, headers, body }, messageId: properties.messageId, mandatory }
}

/** The same by amqplib. */
function byAmqplib(channel: number, { route, properties, headers, body }: Framed, frameMax = 131_072): Buffer {
  const { encodeMethod, BasicPublish } = amqplib.definitions
  const frames = [
    encodeMethod(BasicPublish, channel, { ...route, mandatory: true }),
    headerFrame(channel, body.length, properties, headers),
  ]
  for (let at = 0; at < body.length; at += frameMax - 8) {
    frames.push(amqplib.frames.makeBodyFrame(channel, body.subarray(at, at + frameMax - 8)))
  }
  return Buffer.concat(frames)
}

const SIMPLE: Framed = {
  route: { exchange: '', routingKey: 'celery' },
  properties: { contentType: 'application/json', deliveryMode: 2 },
  headers: { task: 'add' },
  body: Buffer.from('[[], {}, {}]'),
}

it('writes the same bytes as amqplib', () => {
  fc.assert(
    fc.property(
      fc.array(framed, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 65_535 }),
      (messages, channel) => {
        const bench = new Bench(4_096)
        const writer = bench.writer()
        for (const message of messages) writer.publish(channel, published(message))
        writer.flush()
        const expected = Buffer.concat(messages.map((message) => byAmqplib(channel, message, 4_096)))
        expect(bench.written().equals(expected)).toBe(true)
      },
    ),
  )
})

it('writes bodies of several frames, and more than its buffer holds', () => {
  const bench = new Bench(4_096)
  const writer = bench.writer()
  const message = { ...SIMPLE, body: Buffer.alloc(400_000, 'abc') }
  for (let round = 0; round < 3; round++) writer.publish(2, published(message))
  writer.flush()
  const expected = byAmqplib(2, message, 4_096)
  expect(bench.written().equals(Buffer.concat([expected, expected, expected]))).toBe(true)
})

it('acknowledges as amqplib does', () => {
  const { encodeMethod, BasicAck } = amqplib.definitions
  const bench = new Bench()
  const writer = bench.writer()
  writer.ack(7, 2 ** 40 + 5, true)
  writer.ack(7, 3, false)
  writer.flush()
  const expected = [
    encodeMethod(BasicAck, 7, { deliveryTag: 2 ** 40 + 5, multiple: true }),
    encodeMethod(BasicAck, 7, { deliveryTag: 3, multiple: false }),
  ]
  expect(bench.written().equals(Buffer.concat(expected))).toBe(true)
})

it('hands all that one turn of the event loop has written to the socket at once, in order', async () => {
  const bench = new Bench()
  const writer = bench.writer()
  const writes: Buffer[] = []
  bench.socket.on('data', (bytes) => writes.push(bytes))
  writer.publish(1, published(SIMPLE))
  bench.sendMethod(1, amqplib.definitions.BasicAck, { deliveryTag: 1, multiple: false })
  writer.beforeFlush(() => writer.ack(1, 2, false))
  writer.publish(1, published(SIMPLE))
  expect(writes).toEqual([])
  await turn()
  await turn()
  const { encodeMethod, BasicAck } = amqplib.definitions
  const acked = (deliveryTag: number) => encodeMethod(BasicAck, 1, { deliveryTag, multiple: false })
  expect(writes).toEqual([Buffer.concat([byAmqplib(1, SIMPLE), acked(1), byAmqplib(1, SIMPLE), acked(2)])])
})

it('hands over at once what is about the connection itself, with all before it', () => {
  const bench = new Bench()
  const writer = bench.writer()
  writer.publish(1, published(SIMPLE))
  bench.sendBytes(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]))
  expect(bench.written()).toEqual(Buffer.concat([byAmqplib(1, SIMPLE), Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])]))
  expect(bench.sentSinceLastCheck).toBe(true)
})

it('writes nothing to a socket that has ended', async () => {
  const bench = new Bench()
  const writer = bench.writer()
  bench.socket.end()
  writer.publish(1, published(SIMPLE))
  await turn()
  expect(bench.written()).toEqual(Buffer.alloc(0))
})

it.each([100, 4_000, 60_000, 130_000])('writes a header table of %i bytes, given as values or as bytes', (size) => {
  const bench = new Bench()
  const writer = bench.writer()
  const headers = { big: 'x'.repeat(size - 9) }
  const rawHeaders = encodeTable(headers)
  expect(rawHeaders).toHaveLength(size)
  const message = { ...SIMPLE, headers }
  for (let round = 0; round < 3; round++) {
    writer.publish(1, published(message))
    writer.publish(1, { ...published(SIMPLE), message: { ...published(SIMPLE).message, rawHeaders } })
  }
  writer.flush()
  expect(bench.written().equals(Buffer.concat(Array(6).fill(byAmqplib(1, message))))).toBe(true)
})

it('writes headers up to the size of a frame, and refuses larger ones by their size', () => {
  const bench = new Bench()
  const writer = bench.writer()
  const message = (size: number): Framed => ({ ...SIMPLE, headers: { big: 'x'.repeat(size) } })
  const others = headerFrame(1, 0, SIMPLE.properties, { big: '' }).length
  const largest = 131_072 - others
  writer.publish(1, published(message(largest)))
  for (const size of [largest + 1, 200_000]) {
    const told = `the headers and properties take ${size + others - 8} bytes, and the broker takes 131064`
    expect(() => writer.publish(1, published(message(size)))).toThrow(told)
    const raw = { ...published(SIMPLE).message, rawHeaders: encodeTable(message(size).headers) }
    expect(() => writer.publish(1, { ...published(SIMPLE), message: raw })).toThrow(told)
  }
  writer.publish(1, published(SIMPLE))
  writer.flush()
  expect(bench.written().equals(Buffer.concat([byAmqplib(1, message(largest)), byAmqplib(1, SIMPLE)]))).toBe(true)
})

it.each<[string, Partial<Framed>, string]>([
  [
    'a routing key',
    { route: { exchange: '', routingKey: 'é'.repeat(128) } },
    'routingKey has 256 bytes; AMQP allows 255',
  ],
  ['a correlation id', { properties: { correlationId: 'x'.repeat(300) } }, 'correlationId has 300 bytes'],
  ['a priority', { properties: { priority: 256 } }, 'priority must be a whole number from 0 to 255, got 256'],
  ['a time', { properties: { timestamp: 1.5 } }, 'timestamp must be whole seconds'],
  ['a text that is none', { properties: { type: 5 as never } }, 'type is number, and must be a string'],
  ['a header', { headers: { when: new Date(0) as never } }, "header when is a Date, which AMQP headers can't carry"],
])('refuses %s that has no AMQP form, and writes nothing of the message', (_, wrong, problem) => {
  const bench = new Bench()
  const writer = bench.writer()
  expect(() => writer.publish(1, published({ ...SIMPLE, ...wrong }))).toThrow(problem)
  writer.publish(1, published(SIMPLE))
  writer.flush()
  expect(bench.written().equals(byAmqplib(1, SIMPLE))).toBe(true)
})
