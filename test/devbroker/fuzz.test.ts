import { afterAll, beforeAll, expect, it } from 'vitest'
import { contentFrames, frame, methodFrame } from '../../src/devbroker/frames.ts'
import { type FieldType, METHODS, type MethodName, specOf } from '../../src/devbroker/methods.ts'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { PROTOCOL_HEADER, RawClient } from './raw-client.ts'

/** How many frames; `TWQ_FUZZ_FRAMES=100000` for the long run. */
const FRAMES = Number(process.env.TWQ_FUZZ_FRAMES ?? 3_000)
/** Changes the frames; the failure of a run is repeated with its seed. */
const SEED = Number(process.env.TWQ_FUZZ_SEED ?? 1)
/** What the broker may hold of all that, in bytes of heap and buffers. */
const MEMORY = 200 * 2 ** 20

let broker: DevBroker
let bystander: RawClient

beforeAll(async () => {
  broker = await startDevBroker({ maxMessageBytes: 2 ** 20, maxHeldBytes: 16 * 2 ** 20 })
  bystander = await RawClient.open(broker.url)
  await bystander.channel()
})
afterAll(async () => {
  await bystander[Symbol.asyncDispose]()
  await broker.stop()
})

it(`survives ${FRAMES} random and mutated frames, and serves others meanwhile`, { timeout: 900_000 }, async () => {
  const random = randomFrom(SEED)
  const before = memory()
  let sent = 0
  while (sent < FRAMES) {
    const stage = random.pick(['before the handshake', 'in the handshake', 'connected', 'connected', 'connected'])
    const client = await clientAt(stage, broker.url)
    client.socket.on('error', () => {})
    // Few at a time: most broken frames end their connection, and what follows them is not looked at.
    const count = random.below(20) + 1
    for (let n = 0; n < count && !client.socket.destroyed; n++, sent++) client.socket.write(aFrame(random))
    // Everything written has been dealt with once the broker hangs up or the client's last word came through.
    client.socket.end()
    client.socket.resume()
    await client.ended
    if (random.below(10) === 0) await expectService(bystander)
  }
  await expectService(bystander)
  expect(broker.connections).toBe(1)
  expect(memory() - before).toBeLessThan(MEMORY)
})

async function clientAt(stage: string, url: string): Promise<RawClient> {
  if (stage === 'connected') {
    const client = await RawClient.open(url)
    for (const channel of [1, 2, 3]) await client.channel(channel)
    return client
  }
  const client = await RawClient.to(url)
  if (stage === 'in the handshake') client.socket.write(PROTOCOL_HEADER)
  return client
}

/** The other connection can still declare, publish and get. */
async function expectService(client: RawClient): Promise<void> {
  const declare = {
    reserved1: 0,
    queue: 'bystander',
    passive: false,
    durable: false,
    exclusive: true,
    autoDelete: false,
  }
  client.send(1, 'queue.declare', { ...declare, noWait: false, arguments: {} })
  await client.expect('queue.declare-ok')
  client.publish(1, { exchange: '', routingKey: 'bystander' }, { body: Buffer.from('still here') })
  client.send(1, 'basic.get', { reserved1: 0, queue: 'bystander', noAck: true })
  expect((await client.expect('basic.get-ok')).content?.body.toString()).toBe('still here')
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

interface Random {
  below(limit: number): number
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
}

/** The same numbers for the same seed: mulberry32. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    below: (limit) => next() % limit,
    pick: (from) => from[next() % from.length] as (typeof from)[number],
    bytes: (length) => Buffer.from(Array.from({ length }, () => next() & 0xff)),
  }
}

// What a client sends on a channel; the others come by mutation.
const METHOD_NAMES = (Object.keys(METHODS) as MethodName[]).filter(
  (name) =>
    /^(channel|exchange|queue|basic|confirm)\./.test(name) &&
    !/-ok$|basic\.(publish|deliver|return|get-empty)/.test(name),
)

function aFrame(random: Random): Buffer {
  switch (random.below(16)) {
    case 0:
      return random.bytes(random.below(64))
    case 1:
      return frame(random.below(10), random.below(5), random.bytes(random.below(200)))
    case 2:
      return mutated(random, aMessage(random))
    case 3:
      return mutated(random, aMethod(random))
    case 4:
    case 5:
    case 6:
    case 7:
      return aMessage(random)
    default:
      return aMethod(random)
  }
}

function aMethod(random: Random): Buffer {
  const name = random.below(40) === 0 ? random.pick(Object.keys(METHODS) as MethodName[]) : random.pick(METHOD_NAMES)
  const values = Object.entries(specOf(name).fields).map(([field, type]) => [field, aValue(random, type)])
  const channel = name.startsWith('connection.') ? 0 : random.below(3) + 1
  return methodFrame(channel, name, Object.fromEntries(values))
}

function aMessage(random: Random): Buffer {
  const channel = random.below(3) + 1
  const publish = { reserved1: 0, exchange: random.pick(NAMES), routingKey: random.pick(NAMES), mandatory: true }
  const content = {
    properties: random.pick([{}, { expiration: '1' }, { priority: 255 }, { deliveryMode: 2 }]),
    headers: random.pick([undefined, Buffer.alloc(0), Buffer.from('\x01aV'), DEEP]),
    body: random.bytes(random.below(300)),
  }
  return Buffer.concat([
    methodFrame(channel, 'basic.publish', { ...publish, immediate: false }),
    ...contentFrames(channel, content, 64),
  ])
}

/** A table in a table, 5,000 levels deep. */
const DEEP = ((): Buffer => {
  let table: Buffer = Buffer.alloc(0)
  for (let level = 0; level < 5_000; level++) {
    const head = Buffer.from('\x01aF\0\0\0\0', 'latin1')
    head.writeUInt32BE(table.length, 3)
    table = Buffer.concat([head, table])
  }
  return table
})()

function mutated(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let changes = random.below(4) + 1; changes > 0; changes--) copy[random.below(copy.length)] = random.below(256)
  return random.below(4) === 0 ? copy.subarray(0, random.below(copy.length)) : copy
}

const NAMES = [
  '',
  'q1',
  'q2',
  'q3',
  'x1',
  'amq.topic',
  'amq.fanout',
  'amq.headers',
  'amq.direct',
  'a.b.c',
  '#.#.#',
  '\ud800',
]
const ARGUMENTS = [
  {},
  { 'x-message-ttl': 0 },
  { 'x-message-ttl': 5, 'x-dead-letter-exchange': 'amq.fanout' },
  { 'x-max-length': 0, 'x-dead-letter-exchange': '' },
  { 'x-max-length': 2, 'x-overflow': 'reject-publish-dlx', 'x-dead-letter-exchange': 'amq.topic' },
  { 'x-max-priority': 255 },
  { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 },
  { 'x-expires': 1 },
  { 'x-match': 'any', a: 1 },
  { 'x-match': 'all-with-x', a: { b: [1, null, 'c'] } },
  { 'alternate-exchange': 'x1' },
  { 'x-single-active-consumer': true },
  { 'x-priority': -5 },
]

function aValue(random: Random, type: FieldType): unknown {
  switch (type) {
    case 'bit':
      return random.below(2) === 1
    case 'octet':
      return random.below(256)
    case 'short':
      return random.pick([0, 1, 2, 10, 65_535])
    case 'long':
      return random.pick([0, 1, 4_096, 131_072, 2 ** 32 - 1])
    case 'longlong':
      return random.pick([0, 1, 2, 3, 10, 2 ** 53])
    case 'shortstr':
      return random.pick([...NAMES, 'direct', 'topic', 'headers', 'fanout'])
    case 'longstr':
      return random.bytes(random.below(30))
    case 'table':
      return random.pick(ARGUMENTS)
  }
}
