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
  const told: string[] = []
  const watch = watchQueues({
    session,
    consuming: () => consuming,
    clock,
    every: 1_000,
    onTrouble: (queue, error) => told.push(`${queue}: ${error.message}`),
    onWell: (queue) => told.push(`${queue} is well`),
    signal: over.signal,
  })
  expect(watch.troubles.size).toBe(0)
  await clock.pass('1s')
  expect(Object.fromEntries(watch.troubles)).toEqual({
    leaderless: expect.stringContaining('no leader'),
    left: expect.stringContaining('no leader'),
    gone: expect.stringContaining("no queue 'gone'"),
  })
  await clock.pass('5s')
  expect(told.sort()).toEqual([
    expect.stringContaining("gone: the broker has no queue 'gone'"),
    expect.stringContaining('leaderless: it has no leader'),
    expect.stringContaining('left: it has no leader'),
  ])
  consuming = ['well', 'leaderless']
  await channel.consume('leaderless', () => {})
  await clock.pass('1s')
  expect(watch.troubles.size).toBe(0)
  expect(told.slice(3)).toEqual(['leaderless is well'])
  over.abort()
})
