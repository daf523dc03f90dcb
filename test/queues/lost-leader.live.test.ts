import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../src/broker/broker.ts'
import { movedMessage } from '../../src/queues/moved-message.ts'
import { withChannel } from '../../src/queues/queue-access.ts'
import { type Sweep, type SweepAction, sweepQueue } from '../../src/queues/sweep-queue.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { type RabbitCluster, startCluster } from '../support/provision/rabbit-cluster.ts'
import { uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

let cluster: RabbitCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

const connect = (node: RabbitNode) => amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()

it('sends what was set aside to a quorum queue whose leader was just lost', async () => {
  const [near, far] = cluster.nodes as [RabbitNode, RabbitNode, RabbitNode]
  const queue = uniqueName('mail')
  const kept = Array.from({ length: 30 }, () => uniqueName('kept'))
  {
    await using there = await connect(far)
    const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' } }
    await withChannel(there, (channel) => channel.declareQueue({ name: queue, ...quorum }))
  }
  await using connection = await connect(near)
  await withChannel(connection, async (channel) => {
    const message = { properties: {}, headers: {}, body: Buffer.from('x') }
    for (const name of kept) {
      await channel.declareQueue({ name, durable: true })
      await channel.publish({ exchange: '', routingKey: name }, message, { mandatory: true })
    }
  })
  await pollUntil(
    'members',
    () => cluster.membersUp(queue),
    (count) => count === 3,
  )
  expect(await cluster.homeOf(queue)).toBe(far)

  const killed = far.kill9()
  const send = (delivery: Delivery): SweepAction => ({ kind: 'send', outgoing: movedMessage(delivery, queue) })
  const sweeps: Promise<Sweep>[] = []
  for (const name of kept) {
    sweeps.push(sweepQueue(connection, name, { decide: send, clock: systemClock }))
    // One after the other, so that some begin while there is no leader.
    await withChannel(connection, (channel) => channel.inspectQueue(queue).catch(() => {}))
  }
  await killed
  const ended = await Promise.allSettled(sweeps)
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([])
  const { messages } = await withChannel(connection, (channel) => channel.inspectQueue(queue))
  expect(messages).toBe(kept.length)
})
