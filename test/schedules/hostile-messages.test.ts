import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Channel, Connection } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import type { Headers, Properties } from '../../src/protocol/wire.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { MESSAGE_TYPES } from '../../src/schedules/state/messages.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker } from '../../src/testing/test-worker.ts'

const QUEUE = 'twq.schedules.default'
const QUARANTINE = `${QUEUE}.quarantine`
const types = Object.entries(MESSAGE_TYPES).filter(([kind]) => kind !== 'marker')

interface Hostile {
  readonly body: Buffer
  readonly headers?: Headers
  readonly properties?: Properties
}

/** Bytes that are the same each time. */
function bytes(seed: string, count: number): Buffer {
  const parts = Array.from({ length: Math.ceil(count / 32) }, (_, index) =>
    createHash('sha256').update(`${seed} ${index}`).digest(),
  )
  return Buffer.concat(parts).subarray(0, count)
}

const json = (value: unknown): Hostile => ({ body: Buffer.from(JSON.stringify(value)) })
const text = (body: string): Hostile => ({ body: Buffer.from(body) })
const ENTRY = { name: 'x', source: 'set', since: 0, paused: false, announced: 0, superseded: {} }
const state = (fields: object): Hostile => json({ format: 1, version: 7, applied: [], entries: [], ...fields })

/** Bodies that are none of a message, whatever its type. */
const BODIES: readonly (readonly [what: string, message: Hostile])[] = [
  ['nothing', text('')],
  ['null', text('null')],
  ['a list', text('[]')],
  ['JSON that ends early', text('{"format":1,"version":7')],
  ['JSON that is nested deeply', text('['.repeat(100_000))],
  ['an object that is nested deeply', text(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
  ['more than a state may have', text(`{"format":1,${' '.repeat(17 * 1024 * 1024)}}`)],
  ['bytes that are no text', { body: Buffer.from([0xff, 0xfe, 0xc0, 0x80]) }],
  ['a prototype', text('{"__proto__":{"format":1},"constructor":{"prototype":{}}}')],
  ['compressed', { body: gzipSync(Buffer.alloc(1_000_000)), headers: { compression: 'application/x-gzip' } }],
  ['a type of its own', { ...text('{}'), properties: { type: 'twq.schedules.other' } }],
  ['no type', { ...text('{}'), properties: { type: undefined } }],
  [
    'the end of a run, unreadable',
    { ...text('[1,'), headers: { task: 'twq.schedules.ended' }, properties: { type: undefined } },
  ],
  ...Array.from(
    { length: 20 },
    (_, seed) => [`random bytes ${seed}`, { body: bytes(`${seed}`, 3 ** (seed % 9)) }] as const,
  ),
]

/** Bodies of a state that are none, though they look like one. */
const STATES: readonly (readonly [what: string, message: Hostile])[] = [
  ['a version that is not counted', state({ version: 1e300 })],
  ['a negative version', state({ version: -1 })],
  ['too many commands', state({ applied: Array(10_000).fill('x') })],
  ['too many entries', state({ entries: Array(40_001).fill(null) })],
  ['a time beyond all dates', state({ entries: [{ ...ENTRY, since: 9e15, entry: { task: 't', every: 1_000 } }] })],
  ['a pattern that is none', state({ entries: [{ ...ENTRY, entry: { task: 't', cron: '0 0 31 2 * 1' } }] })],
  ['a pattern that is too long', state({ entries: [{ ...ENTRY, entry: { task: 't', cron: '1,'.repeat(9_999) } }] })],
  [
    'a name that steers a terminal',
    state({ entries: [{ ...ENTRY, name: '\u001b[2J', entry: { task: 't', every: 1_000 } }] }),
  ],
  ['no task', state({ entries: [{ ...ENTRY, entry: { every: 1_000 } }] })],
]

let scene: TestWorker
let connection: Connection
let channel: Channel
const clock = new ManualClock(Date.UTC(2030, 0, 1))
const broker = createMemoryBroker({ clock })
const lines: string[] = []
let runs = 0
const tick = defineTask({
  name: 'tick',
  run() {
    runs += 1
  },
})

beforeAll(async () => {
  const logger = createLogger({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } })
  const config = { schedules: { tick: { task: tick, every: '10s' } } }
  const starting = startTestWorker({ tasks: [tick], broker, clock, config, logger })
  await clock.pass('1500ms')
  scene = await starting
  connection = await broker.connect()
  channel = await connection.openChannel()
})
afterAll(async () => {
  await connection?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

const publish = (type: string | undefined, { body, headers = {}, properties }: Hostile) =>
  channel.publish({ exchange: '', routingKey: QUEUE }, { properties: { type, ...properties }, headers, body })

const inQuarantine = async () => (await channel.inspectQueue(QUARANTINE)).messages
const ends = () => lines.filter((line) => line.includes('"schedules.ended"'))

describe.each(types)('as a message of the kind %s', (kind, type) => {
  it.each([...BODIES, ...(kind === 'state' ? STATES : [])])(
    '%s is quarantined, and the leader goes on',
    async (_what, message) => {
      const [ran, quarantined] = [runs, await inQuarantine()]
      await publish(type, message)
      await clock.pass('10s')
      expect(await inQuarantine()).toBe(quarantined + 1)
      expect(runs).toBe(ran + 1)
      expect(ends()).toEqual([])
    },
  )
})

it('keeps the leader from nothing where their quarantine was deleted', async () => {
  await channel.deleteQueue(QUARANTINE)
  for (let count = 0; count < 20; count += 1) await publish(MESSAGE_TYPES.state, text(`${count}`))
  await clock.pass('10s')
  expect(await inQuarantine()).toBe(20)
  expect(ends()).toEqual([])
})

it('have other entries sent beside one that has no date left to be due at', async () => {
  await scene.worker.stop('warm')
  const [ran, quarantined] = [runs, await inQuarantine()]
  const far = { ...ENTRY, name: 'far', since: 8.64e15, entry: { task: 'tick', every: 1_000, jitter: 1 } }
  await publish(MESSAGE_TYPES.state, state({ version: 1e9, entries: [far] }))
  const config = { schedules: { tick: { task: 'tick', every: '10s' } } }
  const starting = startTestWorker({ tasks: [tick], broker, clock, config })
  await clock.pass('5s')
  scene = await starting
  const { entries } = await scene.client.schedules.list()
  expect(entries.map(({ name, state }) => [name, state])).toEqual([
    ['far', 'over'],
    ['tick', 'active'],
  ])
  await clock.pass('10s')
  expect(runs).toBeGreaterThan(ran)
  expect(await inQuarantine()).toBe(quarantined)
  await scene.client.schedules.remove('far')
})

it('are read around by the worker that takes the lead, each of them', async () => {
  await scene.worker.stop('warm')
  const quarantined = await inQuarantine()
  const all = [...BODIES, ...STATES]
  for (const [, message] of all) await publish(MESSAGE_TYPES.state, message)
  const config = { schedules: { tick: { task: 'tick', every: '10s' } } }
  const starting = startTestWorker({ tasks: [tick], broker, clock, config })
  await clock.pass('5s')
  await using second = await starting
  const ran = runs
  await clock.pass('10s')
  expect(runs).toBe(ran + 1)
  expect((await second.client.schedules.list()).entries.map(({ name }) => name)).toEqual(['tick'])
  expect(await inQuarantine()).toBe(quarantined + all.length)
})

it('answers a command whose sender wants the answer in a queue that does not exist, and goes on', async () => {
  // The worker before has left.
  const config = { schedules: {} }
  const starting = startTestWorker({ tasks: [], broker, clock, config })
  await clock.pass('5s')
  await using third = await starting
  const command = json({ id: 'c', method: 'pause', name: 'tick' })
  await publish(MESSAGE_TYPES.command, { ...command, properties: { replyTo: 'none', correlationId: 'c' } })
  await clock.pass('1s')
  const [entry] = (await third.client.schedules.list()).entries
  expect(entry).toMatchObject({ name: 'tick', state: 'paused' })
})
