import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { createSession } from '../../src/broker/session.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { DeclaredQueues } from '../../src/sending/declared-queues.ts'
import { createRouter } from '../../src/sending/router.ts'

/** A session with a broker that cuts the connection so many times while something is asked on it. */
async function aScene(cuts: number) {
  const broker = createMemoryBroker({ clock: systemClock })
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  await session.start()
  const asked = { times: 0 }
  const withChannel: typeof session.withChannel = (use, options) =>
    session.withChannel((channel) => {
      asked.times += 1
      if (asked.times <= cuts) broker.cutConnections()
      return use(channel)
    }, options)
  const queues = new DeclaredQueues({ withChannel }, createRouter({ defaultQueue: 'work' }))
  const exists = () => session.withChannel((channel) => channel.inspectQueue('work'))
  const end = () => session.stop({ deadline: AbortSignal.timeout(5_000) })
  return { queues, asked, exists, [Symbol.asyncDispose]: end }
}

it('a declaration that a lost connection interrupts is made over the next one', async () => {
  await using scene = await aScene(3)
  await scene.queues.declare('work')
  expect(scene.queues.has('work')).toBe(true)
  expect(await scene.exists()).toMatchObject({ name: 'work' })
})

it('a declaration over which the broker closes every connection is given up', async () => {
  await using scene = await aScene(Number.POSITIVE_INFINITY)
  await expect(scene.queues.declare('work')).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  expect(scene.queues.has('work')).toBe(false)
})
