import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { watchLiveness } from '../../src/broker/liveness.ts'
import { createPublisher } from '../../src/broker/publishing/session-publisher.ts'
import { createSession, type Session, type SessionEvent } from '../../src/broker/session.ts'
import type { Outgoing } from '../../src/protocol/wire.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { uniqueName } from '../support/services.ts'

let node: RabbitNode

beforeAll(async () => {
  node = await startRabbit()
})
afterAll(() => node[Symbol.asyncDispose]())

function aSession(heartbeat = 10_000): {
  session: Session
  heard: (kind: SessionEvent['kind']) => Promise<SessionEvent>
} {
  const broker = amqpBroker({ url: node.url(), heartbeat, name: 'test' })
  const session = createSession({ broker, name: 'test', clock: systemClock, random: Math.random })
  const heard = (kind: SessionEvent['kind']): Promise<SessionEvent> => {
    const { promise, resolve } = deferred<SessionEvent>()
    const stop = session.listen((event) => {
      if (event.kind !== kind) return
      stop()
      resolve(event)
    })
    return promise
  }
  return { session, heard }
}

const stop = (session: Session): Promise<void> => session.stop({ deadline: AbortSignal.timeout(10_000) })

function to(queue: string, body: string): Outgoing {
  const message = { properties: { deliveryMode: 2 }, headers: {}, body: Buffer.from(body) }
  return { route: { exchange: '', routingKey: queue }, message }
}

// Starting a node again takes seconds, and most of a minute on a machine that is busy.
describe('a restart of the broker', { timeout: 180_000 }, () => {
  it.each([
    ['in order', () => node.stop()],
    ['by a crash', () => node.kill9()],
  ])('loses no confirmed message and no consumer: %s', async (_, down) => {
    const { session, heard } = aSession()
    const queue = uniqueName('restart')
    const bodies = Array.from({ length: 600 }, (_, index) => String(index))
    const consumed = new Set<string>()
    const all = deferred<void>()
    session.keep('consumer', async (channel) => {
      await channel.declareQueue({ name: queue, durable: true })
      await channel.prefetch(20, 'channel')
      await channel.consume(queue, (delivery) => {
        consumed.add(Buffer.from(delivery.body).toString())
        delivery.ack()
        if (consumed.size === bodies.length) all.resolve()
      })
    })
    const publisher = createPublisher(session, { clock: systemClock })
    await session.start()
    await session.withChannel((channel) => channel.declareQueue({ name: queue, durable: true }))
    await node.saveDeclarations()
    const back = heard('lost').then(() => heard('connected'))
    const confirmed = bodies.slice(0, 300).map((body) => publisher.publish(to(queue, body)))
    await confirmed[100]
    await down()
    const queued = bodies.slice(300).map((body) => publisher.publish(to(queue, body), { mandatory: true }))
    await node.startAgain()
    await back
    await Promise.all(confirmed)
    expect(new Set(await Promise.all(queued))).toEqual(new Set(['confirmed']))
    await all.promise
    expect(consumed.size).toBe(bodies.length)
    await publisher[Symbol.asyncDispose]()
    await stop(session)
  })
})

it('notices a broker that hangs, within two heartbeats, and comes back when it does', async () => {
  const { session, heard } = aSession(1_000)
  await session.start()
  const lost = heard('lost')
  node.pause()
  expect(await lost).toMatchObject({ error: { code: 'TWQ_CONNECTION_LOST' } })
  const connected = heard('connected')
  node.resume()
  await connected
  await stop(session)
})

it('destroys a connection on which a channel gets no answers, though bytes arrive', async () => {
  const { session, heard } = aSession(10_000)
  const watched = deferred<{ answeredAt: number }>()
  session.keep('consumer', async (channel, signal) => {
    const connection = session.connection!
    watched.resolve(watchLiveness({ connection, channel, clock: systemClock, heartbeatMs: 200, signal }))
  })
  await session.start()
  const begun = (await watched.promise).answeredAt
  while ((await watched.promise).answeredAt === begun) await new Promise((resolve) => setImmediate(resolve))
  const lost = heard('lost')
  node.pause()
  expect(await lost).toMatchObject({ error: { message: expect.stringMatching(/did not answer on the channel/) } })
  node.resume()
  await heard('connected')
  await stop(session)
})

it('holds messages while the broker takes none, and sends them when it does again', async () => {
  const { session, heard } = aSession()
  const queue = uniqueName('alarm')
  const publisher = createPublisher(session, { clock: systemClock, maxOutstanding: 10 })
  await session.start()
  await session.withChannel((channel) => channel.declareQueue({ name: queue, durable: true }))
  const blocked = heard('blocked')
  await node.ctl('set_vm_memory_high_watermark', '0.0001')
  const first = publisher.publish(to(queue, '0'))
  expect(await blocked).toMatchObject({ reason: expect.stringMatching(/memory/) })
  await expect(publisher.publish(to(queue, 'late'), { timeout: 100 })).rejects.toMatchObject({
    code: 'TWQ_PUBLISH_TIMEOUT',
    message: expect.stringMatching(/takes no messages \(low on memory\)/),
  })
  const rest = Array.from({ length: 9 }, (_, index) => publisher.publish(to(queue, String(index + 1))))
  await expect(publisher.publish(to(queue, 'more'))).rejects.toMatchObject({ code: 'TWQ_PUBLISH_OVERFLOW' })
  await node.ctl('set_vm_memory_high_watermark', '0.4')
  await Promise.all([first, ...rest])
  expect(await session.withChannel((channel) => channel.inspectQueue(queue))).toMatchObject({ messages: 10 })
  await publisher[Symbol.asyncDispose]()
  await stop(session)
})

it('finds the one message that the broker will not take among many, and sends the others', async () => {
  const { session } = aSession()
  const queue = uniqueName('poison')
  const publisher = createPublisher(session, { clock: systemClock })
  await session.start()
  await session.withChannel((channel) => channel.declareQueue({ name: queue, durable: true }))
  const outgoing = Array.from({ length: 20 }, (_, index) => to(queue, String(index)))
  const { route, message } = outgoing[7]!
  outgoing[7] = { route, message: { ...message, properties: { expiration: 'soon' } } }
  outgoing[13] = { ...outgoing[13]!, route: { exchange: 'no such exchange', routingKey: queue } }
  const outcomes = await Promise.allSettled(outgoing.map((each) => publisher.publish(each)))
  expect(outcomes[7]).toMatchObject({
    reason: { code: 'TWQ_PUBLISH_REFUSED', message: expect.stringMatching(/invalid expiration/) },
  })
  expect(outcomes[13]).toMatchObject({ reason: { code: 'TWQ_QUEUE_MISSING' } })
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(18)
  await publisher[Symbol.asyncDispose]()
  await stop(session)
})

it('stops in time when the broker hangs', async () => {
  const { session } = aSession()
  await session.start()
  node.pause()
  await session.stop({ deadline: AbortSignal.timeout(100) })
  expect(session.connected).toBe(false)
  node.resume()
})
