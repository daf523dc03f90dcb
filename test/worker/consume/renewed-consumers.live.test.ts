import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Session } from '../../../src/broker/session.ts'
import { plainQueue, type TaskQueue } from '../../../src/protocol/queue/task-queue.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import type { Place } from '../../../src/worker/request/prefetch.ts'
import { uniqueName } from '../../support/services.ts'
import { aConsumer, aSession, type ConsumerScene, type Received } from './a-consumer.ts'

const COUNT = 10_000
const HELD_AT_ONCE = 250

let session: Session

beforeAll(async () => {
  session = await aSession()
})
afterAll(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))

const quorumQueue = (name: string): TaskQueue => ({ ...plainQueue(name), arguments: { 'x-queue-type': 'quorum' } })

const send = (queue: string, count: number): Promise<unknown> =>
  session.withChannel((channel) =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        channel.publish(
          { exchange: '', routingKey: queue },
          { properties: {}, headers: {}, body: Buffer.from(String(n)) },
          { mandatory: true },
        ),
      ),
    ),
  )

const cameBack = ({ received }: ConsumerScene) => received.entries.filter(({ delivery }) => delivery.redelivered)

it('gets no message of a quorum queue back because its limit grew, shrank or moved to another channel in full flow', async () => {
  const queue = quorumQueue(uniqueName('flow'))
  let held: { readonly place: Place; readonly received: Received }[] = []
  let rounds = 0
  await using scene = await aConsumer(session, [queue], {
    onReceived(received) {
      if (Number(received.text) % 8 > 0) {
        setImmediate(() => received.delivery.ack())
        return
      }
      held.push({ place: scene.prefetch.hold(), received })
      if (held.length < HELD_AT_ONCE) return
      // All are due at once.
      rounds += 1
      for (const { place, received } of held) {
        received.delivery.ack()
        scene.prefetch.release(place)
      }
      held = []
    },
  })
  await send(queue.name, COUNT)
  await scene.received.untilCount(COUNT)
  expect(cameBack(scene)).toHaveLength(0)
  expect(new Set(scene.received.entries.map(({ text }) => text)).size).toBe(COUNT)
  expect(rounds).toBe(COUNT / 8 / HELD_AT_ONCE)
  // Where few come at a time no consumer has as many as it may: the limit is made up of those that there are, and of few others.
  for (let sent = 0; sent < 20; sent += 1) await send(queue.name, 250)
  const { consumers } = await session.withChannel((channel) => channel.inspectQueue(queue.name))
  expect(cameBack(scene)).toHaveLength(0)
  expect(consumers).toBeLessThan(16)
})

it('gets no message of a quorum queue back because its work-ahead window opened and closed in full flow', async () => {
  const queue = quorumQueue(uniqueName('window'))
  await using scene = await aConsumer(session, [queue], {
    onReceived: ({ delivery }) => void setImmediate(() => delivery.ack()),
    // A machine that is busy otherwise may bring nothing for a while.
    clock: { ...systemClock, after: (ms, run) => systemClock.after(ms * 50, run) },
  })
  await send(queue.name, COUNT)
  for (let count = 500; count < COUNT; count += 500) {
    await scene.received.untilCount(count)
    scene.prefetch.lookAhead(count % 1_000 === 0 ? 0 : 200)
  }
  await scene.received.untilCount(COUNT)
  scene.prefetch.lookAhead(0)
  await session.withChannel((channel) => channel.inspectQueue(queue.name))
  expect(cameBack(scene)).toHaveLength(0)
  expect(new Set(scene.received.entries.map(({ text }) => text)).size).toBe(COUNT)
})

it('gets no message of a quorum queue back because it paused in full flow', async () => {
  const queue = quorumQueue(uniqueName('paused'))
  await using scene = await aConsumer(session, [queue], {
    onReceived: ({ delivery }) => void setImmediate(() => delivery.ack()),
    // A machine that is busy otherwise may bring nothing for a while.
    clock: { ...systemClock, after: (ms, run) => systemClock.after(ms * 50, run) },
  })
  await send(queue.name, COUNT)
  for (let count = 1_000; count < COUNT; count += 1_000) {
    await scene.received.untilCount(count)
    await scene.consumer.pause()
    await scene.consumer.resume()
  }
  await scene.received.untilCount(COUNT)
  expect(cameBack(scene)).toHaveLength(0)
})

it('goes on consuming a queue with a single active consumer while its limit grows', async () => {
  const queue = { ...plainQueue(uniqueName('single')), arguments: { 'x-single-active-consumer': true } }
  await using scene = await aConsumer(session, [queue], {
    // Each makes room for one more.
    onReceived: () => void scene.prefetch.hold(),
  })
  await send(queue.name, 100)
  await scene.received.untilCount(100)
  expect(scene.received.entries.map(({ text }) => Number(text))).toEqual(Array.from({ length: 100 }, (_, n) => n))
})
