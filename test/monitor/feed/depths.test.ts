import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession } from '../../../src/broker/session.ts'
import { Depths } from '../../../src/monitor/feed/depths.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

/** A wall clock that can be set. */
class SetClock extends ManualClock {
  offset = 0

  override now(): number {
    return super.now() + this.offset
  }
}

it('finds a queue within a minute of its creation, also after the clock was set back', async () => {
  const broker = createMemoryBroker()
  const clock = new SetClock(1_700_000_000_000)
  const session = createSession({ broker, name: 'monitor', clock, random: Math.random })
  await session.start()
  const depths = new Depths(session, clock, undefined)
  await depths.refresh(['later'])
  expect(depths.rows).toMatchObject([{ name: 'later', exists: false }])
  const channel = await (await broker.connect()).openChannel()
  await channel.declareQueue({ name: 'later', durable: true })
  clock.offset = -86_400_000
  clock.advance(60_000)
  await depths.refresh(['later'])
  expect(depths.rows).toMatchObject([{ name: 'later', exists: true, emptyAt: clock.now() / 1000 }])
  expect(depths.asked).toBe(clock.now() / 1000)
  await session.stop({ deadline: AbortSignal.timeout(5_000) })
})

it('forgets a queue that is not asked for any more', async () => {
  const broker = createMemoryBroker()
  const clock = new ManualClock()
  const session = createSession({ broker, name: 'monitor', clock, random: Math.random })
  await session.start()
  const channel = await (await broker.connect()).openChannel()
  for (const name of ['a', 'b']) await channel.declareQueue({ name, durable: true })
  const depths = new Depths(session, clock, undefined)
  await depths.refresh(['a', 'b'])
  await depths.refresh(['b'])
  await depths.refresh(['a', 'b'])
  expect(depths.rows.map(({ name, depths: seen }) => [name, seen])).toEqual([
    ['a', [0]],
    ['b', [0, 0, 0]],
  ])
  await session.stop({ deadline: AbortSignal.timeout(5_000) })
})
