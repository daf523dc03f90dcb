import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { createPublisher } from '../../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../../src/broker/session.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { withChannel } from '../../../src/queues/queue-access.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import type { RabbitNode } from '../../support/provision/rabbit.ts'
import { type RabbitCluster, startCluster } from '../../support/provision/rabbit-cluster.ts'
import { uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

let cluster: RabbitCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

const brokerOf = (node: RabbitNode) => amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' })

function saying(routingKey: string): Outgoing {
  return { route: { exchange: '', routingKey }, message: { properties: {}, headers: {}, body: Buffer.from('x') } }
}

it('reaches a quorum queue over another channel that it was first sent to while its leader was just lost', async () => {
  const [near, far] = cluster.nodes as [RabbitNode, RabbitNode, RabbitNode]
  const [alone, everywhere] = [uniqueName('alone'), uniqueName('everywhere')]
  await using connection = await brokerOf(far).connect()
  await withChannel(connection, async (channel) => {
    const quorum = { 'x-queue-type': 'quorum' }
    // Lives on this node only: what is sent there after its loss stays on its way.
    const onOne = { ...quorum, 'x-quorum-initial-group-size': 1 }
    await channel.declareQueue({ name: alone, durable: true, arguments: onOne })
    await channel.declareQueue({ name: everywhere, durable: true, arguments: quorum })
  })
  await pollUntil(
    'members',
    () => cluster.membersUp(everywhere),
    (count) => count === 3,
  )
  expect(await cluster.homeOf(everywhere)).toBe(far)

  const session = createSession({ broker: brokerOf(near), name: 'test', clock: systemClock, random: Math.random })
  await session.start()
  const publishers = Array.from({ length: 30 }, () =>
    createPublisher(session, { clock: systemClock, patience: 60_000 }),
  )
  for (const publisher of publishers) expect(await publisher.publish(saying(alone))).toBe('confirmed')
  const killed = far.kill9()
  const published: Promise<unknown>[] = []
  for (const publisher of publishers) {
    publisher.publish(saying(alone)).catch(() => {})
    published.push(publisher.publish(saying(everywhere)))
    // One after the other, so that some come while there is no leader.
    await session.withChannel((channel) => channel.inspectQueue(everywhere).catch(() => {}))
  }
  await killed
  expect(new Set(await Promise.all(published))).toEqual(new Set(['confirmed']))
  expect(far.running).toBe(false)
  const { messages } = await session.withChannel((channel) => channel.inspectQueue(everywhere))
  expect(messages).toBe(publishers.length)
  await Promise.all(publishers.map((publisher) => publisher[Symbol.asyncDispose]()))
  await session.stop({ deadline: AbortSignal.timeout(5_000) })
})
