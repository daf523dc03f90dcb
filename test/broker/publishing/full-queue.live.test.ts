import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Broker, Connection } from '../../../src/broker/broker.ts'
import { createPublisher } from '../../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../../src/broker/session.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

function saying(routingKey: string): Outgoing {
  return { route: { exchange: '', routingKey }, message: { properties: {}, headers: {}, body: Buffer.from('x') } }
}

/** A real broker, and how many channels were opened on its connections. */
function counted(real: Broker) {
  let opened = 0
  const broker: Broker = {
    async connect(options) {
      const connection: Connection = await real.connect(options)
      const open = connection.openChannel.bind(connection)
      connection.openChannel = () => {
        opened += 1
        return open()
      }
      return connection
    },
  }
  return { broker, opened: () => opened }
}

it.each(['classic', 'quorum'])(
  'opens few channels for a %s queue that is full, and others are served',
  async (type) => {
    const { broker, opened } = counted(amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }))
    const session = createSession({ broker, name: 'test', clock: systemClock, random: Math.random })
    await session.start()
    const [full, free] = [uniqueName('full'), uniqueName('free')]
    const limited = { 'x-queue-type': type, 'x-max-length': 1, 'x-overflow': 'reject-publish' }
    await session.withChannel(async (channel) => {
      await channel.declareQueue({ name: full, durable: true, arguments: limited })
      await channel.declareQueue({ name: free, durable: true })
      // A quorum queue takes some more than its limit, before it says so.
      const { route, message } = saying(full)
      await Promise.allSettled(Array.from({ length: 10 }, () => channel.publish(route, message, { mandatory: true })))
    })
    const publisher = createPublisher(session, { clock: systemClock, patience: 2_500 })
    await publisher.ready
    const before = opened()
    const sent = await Promise.allSettled(Array.from({ length: 200 }, () => publisher.publish(saying(full))))
    const refused = sent.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'TWQ_PUBLISH_REFUSED' })
    }
    // At once, after one second, and after two more.
    expect(opened() - before).toBeLessThanOrEqual(3)
    expect(await publisher.publish(saying(free))).toBe('confirmed')
    await publisher[Symbol.asyncDispose]()
    await session.stop({ deadline: AbortSignal.timeout(5_000) })
  },
)
