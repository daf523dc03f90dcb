import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FrameReceiver } from '../../../src/broker/amqp/frame-reader.ts'
import type { ReceivedMessage } from '../../../src/broker/amqp/received-message.ts'
import { amqplib, Bench, deliveryFrames, type Framed, framed, received } from './frames.ts'

/** Keeps what it receives, bodies copied: a view's bytes may be written anew. */
class Kept implements FrameReceiver {
  readonly messages: ReceivedMessage[] = []
  readonly confirms: [tag: number, multiple: boolean][] = []
  delivered(message: ReceivedMessage): void {
    this.messages.push({ ...message, body: Buffer.from(message.body) })
  }
  confirmed(deliveryTag: number, multiple: boolean): void {
    this.confirms.push([deliveryTag, multiple])
  }
}

const ack = (channel: number, deliveryTag: number, multiple: boolean): Buffer =>
  amqplib.definitions.encodeMethod(amqplib.definitions.BasicAck, channel, { deliveryTag, multiple })

const SIMPLE: Framed = {
  route: { exchange: 'tasks', routingKey: 'celery' },
  properties: { contentType: 'application/json', deliveryMode: 2 },
  headers: { task: 'add' },
  body: Buffer.from('[[], {}, {}]'),
}

it('reads deliveries and confirms, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(framed, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
      (messages, cuts) => {
        const bench = new Bench()
        const kept = new Kept()
        bench.reader().attach(1, kept)
        const bytes = Buffer.concat(
          messages.flatMap((message, index) => [
            deliveryFrames(1, index + 1, message),
            ack(1, index + 7, index % 2 === 0),
          ]),
        )
        for (let at = 0; at < bytes.length; ) {
          const length = cuts.next().value
          bench.socket.emit('data', Buffer.from(bytes.subarray(at, at + length)))
          at += length
        }
        expect(kept.messages).toEqual(messages.map((message, index) => received(1, index + 1, message)))
        expect(kept.confirms).toEqual(messages.map((_, index) => [index + 7, index % 2 === 0]))
        expect(bench.passedOn).toEqual([])
      },
    ),
  )
})

it('reads a delivery that is cut at any one byte', () => {
  const bytes = Buffer.concat([deliveryFrames(3, 1, SIMPLE), ack(3, 2, true), deliveryFrames(3, 2, SIMPLE)])
  for (let cut = 0; cut <= bytes.length; cut++) {
    const bench = new Bench()
    const kept = new Kept()
    bench.reader().attach(3, kept)
    bench.socket.emit('data', bytes.subarray(0, cut))
    bench.socket.emit('data', bytes.subarray(cut))
    expect(kept.messages).toEqual([received(3, 1, SIMPLE), received(3, 2, SIMPLE)])
    expect(kept.confirms).toEqual([[2, true]])
  }
})

it('joins bodies of several frames, of channels that take turns', () => {
  const body = Buffer.alloc(10_000, 'x')
  const frames = (channel: number) => splitFrames(deliveryFrames(channel, 9, { ...SIMPLE, body }, { frameMax: 4_096 }))
  const bench = new Bench()
  const [one, two] = [new Kept(), new Kept()]
  const reader = bench.reader()
  reader.attach(1, one)
  reader.attach(2, two)
  const others = frames(2)
  for (const [index, frame] of frames(1).entries()) bench.socket.emit('data', Buffer.concat([frame, others[index]!]))
  expect(one.messages).toEqual([received(1, 9, { ...SIMPLE, body })])
  expect(two.messages).toEqual([received(2, 9, { ...SIMPLE, body })])
})

it('leaves to amqplib what is neither a delivery nor a confirm, with its content', () => {
  const { encodeMethod, BasicReturn } = amqplib.definitions
  const bench = new Bench()
  const kept = new Kept()
  bench.reader().attach(1, kept)
  const fields = { replyCode: 312, replyText: 'NO_ROUTE', exchange: '', routingKey: 'gone' }
  const [, header, body] = splitFrames(deliveryFrames(1, 1, SIMPLE))
  bench.socket.emit('data', Buffer.concat([encodeMethod(BasicReturn, 1, fields), header!, body!]))
  expect(bench.passedOn.map(({ id }) => id)).toEqual([BasicReturn, undefined, undefined])
  bench.socket.emit('data', deliveryFrames(2, 1, SIMPLE))
  expect(bench.passedOn).toHaveLength(6)
  expect(kept.messages).toEqual([])
})

it('begins with what amqplib had read of a frame', () => {
  const bench = new Bench()
  const kept = new Kept()
  const bytes = deliveryFrames(1, 1, SIMPLE)
  bench.rest = Buffer.from(bytes.subarray(0, 11))
  bench.reader().attach(1, kept)
  bench.socket.emit('data', bytes.subarray(11))
  expect(kept.messages).toHaveLength(1)
})

it.each<[string, (bytes: Buffer) => void]>([
  ['has another end', (bytes) => bytes.fill(0, bytes.length - 1)],
  ['announces a text beyond its end', (bytes) => bytes.fill(255, 11, 12)],
  ['is larger than ever agreed', (bytes) => bytes.writeUInt32BE(2 ** 30, 3)],
])('ends the connection once for a frame that %s', (_, spoil) => {
  const bench = new Bench()
  const kept = new Kept()
  bench.reader().attach(1, kept)
  const errors: unknown[] = []
  bench.on('frameError', (error) => errors.push(error))
  const [method] = splitFrames(deliveryFrames(1, 1, SIMPLE))
  spoil(method!)
  bench.socket.emit('data', method)
  bench.socket.emit('data', deliveryFrames(1, 2, SIMPLE))
  expect(errors).toEqual([expect.any(RangeError)])
  expect(kept.messages).toEqual([])
})

it.each<[string, (frames: readonly Buffer[]) => readonly (Buffer | undefined)[]]>([
  ['after its method', ([method]) => [method, method]],
  ['after its header', ([method, header]) => [method, header, method]],
  ['in its body', ([method, header, part]) => [method, header, part, method]],
  ['with another header', ([method, header]) => [method, header, header]],
])('ends the connection where a delivery begins before the one before it is complete: %s', (_, cut) => {
  const bench = new Bench()
  const kept = new Kept()
  bench.reader().attach(1, kept)
  const errors: unknown[] = []
  bench.on('frameError', (error) => errors.push(error))
  const frames = splitFrames(deliveryFrames(1, 1, { ...SIMPLE, body: Buffer.alloc(10_000) }, { frameMax: 4_096 }))
  bench.socket.emit('data', Buffer.concat(cut(frames).filter((frame) => frame !== undefined)))
  expect(errors).toEqual([expect.any(RangeError)])
  expect(kept.messages).toEqual([])
})

it('never throws, and never reads past a frame, whatever the bytes are', () => {
  const [method, header] = splitFrames(
    deliveryFrames(1, 1, { ...SIMPLE, properties: { ...SIMPLE.properties, replyTo: 'r', timestamp: 1 } }),
  )
  fc.assert(
    fc.property(fc.nat(header!.length - 9), fc.nat(255), (at, value) => {
      const bench = new Bench()
      const errors: unknown[] = []
      bench.on('frameError', (error) => errors.push(error))
      bench.reader().attach(1, new Kept())
      const spoiled = Buffer.from(header!)
      // Its type, channel and size stay.
      spoiled[7 + at] = value
      bench.socket.emit('data', Buffer.concat([method!, spoiled]))
      expect(errors.every((error) => error instanceof RangeError)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

it('gives a channel back only for the receiver that has it', () => {
  const bench = new Bench()
  const [first, second] = [new Kept(), new Kept()]
  const reader = bench.reader()
  reader.attach(1, first)
  reader.attach(1, second)
  reader.detach(1, first)
  bench.socket.emit('data', deliveryFrames(1, 1, SIMPLE))
  expect(second.messages).toHaveLength(1)
  reader.detach(1, second)
  bench.socket.emit('data', deliveryFrames(1, 2, SIMPLE))
  expect(bench.passedOn).toHaveLength(3)
})

function splitFrames(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const next = at + bytes.readUInt32BE(at + 3) + 8
    frames.push(Buffer.from(bytes.subarray(at, next)))
    at = next
  }
  return frames
}
