import { expect, it } from 'vitest'
import type { Channel } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { QueueDepths } from '../../src/metrics/queue-depths.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'

async function aBroker() {
  const clock = new ManualClock(0)
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  const asked: string[] = []
  const session = {
    withChannel: async <T>(use: (one: Channel) => Promise<T>) => {
      const own = await connection.openChannel()
      const { inspectQueue } = own
      own.inspectQueue = (name: string) => {
        asked.push(name)
        return inspectQueue.call(own, name)
      }
      return await use(own)
    },
  }
  const send = async (queue: string): Promise<void> => {
    const message = { properties: {}, headers: {}, body: Buffer.from('1') }
    await channel.publish({ exchange: '', routingKey: queue }, message)
  }
  return { clock, channel, asked, send, depths: new QueueDepths({ session, clock }) }
}

it('tells how many messages wait, and takes none', async () => {
  const { channel, depths, send, clock } = await aBroker()
  for (const name of ['a', 'b']) await channel.declareQueue({ name, durable: true })
  for (const queue of ['a', 'a', 'b']) await send(queue)
  for (let round = 0; round < 2; round += 1) {
    expect(Object.fromEntries(await depths.read(['a', 'b']))).toEqual({ a: 2, b: 1 })
    await clock.pass('15s')
  }
})

it('asks the broker every 15 seconds at most, and seldom for a queue that is gone', async () => {
  const { channel, depths, asked, send, clock } = await aBroker()
  await channel.declareQueue({ name: 'a', durable: true })
  const read = async () => Object.fromEntries(await depths.read(['gone', 'a']))
  expect(await read()).toEqual({ a: 0 })
  await send('a')
  await clock.pass('14s')
  expect(await read()).toEqual({ a: 0 })
  await clock.pass('1s')
  expect(await read()).toEqual({ a: 1 })
  expect(asked).toEqual(['gone', 'a', 'a'])
  await clock.pass('5m')
  await read()
  expect(asked.slice(3)).toEqual(['gone', 'a'])
})

it('answers without the queues that the broker does not tell of', async () => {
  const clock = new ManualClock(0)
  const session = { withChannel: () => Promise.reject(new Error('refused')) }
  expect((await new QueueDepths({ session, clock }).read(['a'])).size).toBe(0)
})

it('answers with what it knows where the broker is silent', async () => {
  const clock = new ManualClock(0)
  const session = { withChannel: () => new Promise<never>(() => {}) }
  const answer = new QueueDepths({ session, clock }).read(['a'])
  await clock.pass('1s')
  expect((await answer).size).toBe(0)
})
