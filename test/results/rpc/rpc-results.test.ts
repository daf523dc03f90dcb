import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createPublisher } from '../../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../../src/broker/session.ts'
import { RpcResults } from '../../../src/results/rpc/rpc-results.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

const record = { taskId: '1', state: 'SUCCESS', result: 5, traceback: null, children: [] } as const
const owner = { id: '1', replyTo: 'caller', correlationId: '1' }

async function aBackend() {
  const clock = new ManualClock()
  const broker = createMemoryBroker({ clock })
  const session = createSession({ broker, name: 'publisher', clock, random: Math.random })
  await session.start()
  const leaving = new AbortController()
  const publisher = createPublisher(session, { clock })
  const connection = await broker.connect()
  const channel = await connection.openChannel()
  return {
    clock,
    leaving,
    results: new RpcResults(publisher, clock, leaving.signal),
    /** The caller's queue appears. */
    appear: () => channel.declareQueue({ name: owner.replyTo, durable: false }),
    arrived: async () => (await channel.inspectQueue(owner.replyTo)).messages,
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]()
      await session.stop({ deadline: AbortSignal.abort() })
      await connection[Symbol.asyncDispose]()
    },
  }
}

it('sends a result again to a caller who was away for a moment', async () => {
  await using backend = await aBackend()
  const stored = backend.results.store(record, owner)
  await backend.clock.pass(50)
  await backend.appear()
  await backend.clock.pass(60)
  expect(await stored).toBe('stored')
  expect(await backend.arrived()).toBe(1)
})

it('gives up on a caller who has gone after 600 ms, and on the next result for him at once', async () => {
  await using backend = await aBackend()
  const stored = backend.results.store(record, owner)
  await backend.clock.pass(600)
  expect(await stored).toBe('dropped')
  expect(await backend.results.store(record, owner)).toBe('dropped')
})

it('waits for nobody longer than 90 ms once its worker leaves', async () => {
  await using backend = await aBackend()
  const begun = backend.results.store(record, owner)
  await backend.clock.pass(150)
  backend.leaving.abort()
  const later = backend.results.store(record, { ...owner, replyTo: 'another' })
  await backend.clock.pass(90)
  expect(await Promise.all([begun, later])).toEqual(['dropped', 'dropped'])
})

it('still sends a result again to a caller who was away for a moment when its worker leaves', async () => {
  await using backend = await aBackend()
  backend.leaving.abort()
  const stored = backend.results.store(record, owner)
  await backend.clock.pass(20)
  await backend.appear()
  await backend.clock.pass(20)
  expect(await stored).toBe('stored')
  expect(await backend.arrived()).toBe(1)
})
