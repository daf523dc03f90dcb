import { expect, it } from 'vitest'
import type { Channel } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { watchQueues } from '../../src/broker/queue-watch.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'

it('tells which of the queues that are consumed the broker refuses, or counts no consumer of', async () => {
  const clock = new ManualClock(0)
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  for (const name of ['well', 'leaderless', 'left']) await channel.declareQueue({ name, durable: true })
  await channel.consume('well', () => {})
  const over = new AbortController()
  const session = {
    withChannel: async <T>(use: (one: Channel) => Promise<T>) => await use(await connection.openChannel()),
  }
  let consuming = ['well', 'leaderless', 'gone', 'left']
  const watch = watchQueues({ session, consuming: () => consuming, clock, every: 1_000, signal: over.signal })
  expect(watch.troubles.size).toBe(0)
  await clock.pass('1s')
  expect(Object.fromEntries(watch.troubles)).toEqual({
    leaderless: expect.stringContaining('no leader'),
    left: expect.stringContaining('no leader'),
    gone: expect.stringContaining("no queue 'gone'"),
  })
  consuming = ['well', 'leaderless']
  await channel.consume('leaderless', () => {})
  await clock.pass('1s')
  expect(watch.troubles.size).toBe(0)
  over.abort()
})
