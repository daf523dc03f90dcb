import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Connection, Delivery } from '../../../src/broker/broker.ts'
import { type DevBroker, startDevBroker } from '../../../src/devbroker/server.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'

let server: DevBroker
beforeAll(async () => {
  server = await startDevBroker()
})
afterAll(() => server.stop())

const connect = (url = server.url, onCallbackError?: (error: unknown) => void): Promise<Connection> =>
  amqpBroker({ url, heartbeat: 10_000, name: 'test', ...(onCallbackError && { onCallbackError }) }).connect()

it('rejects a get whose message is cut off with the connection', async () => {
  await using proxy = await FaultProxy.before(server.url)
  await using connection = await connect(proxy.through(server.url))
  await using channel = await connection.openChannel()
  await channel.declareQueue({ name: 'large', durable: true })
  const message = { properties: {}, headers: {}, body: Buffer.alloc(200_000) }
  await channel.publish({ exchange: '', routingKey: 'large' }, message)
  proxy.cutAfter(100_000, 'to-client')
  await expect(channel.get('large')).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
})

it('starts a consumer before it says that the broker has ended it', async () => {
  await using connection = await connect()
  await using channel = await connection.openChannel()
  await using other = await connection.openChannel()
  await other.declareQueue({ name: 'short-lived', durable: true })
  const told: string[] = []
  const ended = new Promise<void>((resolve) => {
    const onCancelled = () => {
      told.push('cancelled')
      resolve()
    }
    void channel.consume('short-lived', () => {}, { onCancelled }).then(() => told.push('consuming'))
  })
  // Both answers, and the end of the consumer between them, arrive together.
  await other.deleteQueue('short-lived')
  await ended
  expect(told).toEqual(['consuming', 'cancelled'])
})

it('refuses all publishes of a lost channel, also those behind one whose listener throws', async () => {
  await using proxy = await FaultProxy.before(server.url)
  const thrown: unknown[] = []
  await using connection = await connect(proxy.through(server.url), (error) => thrown.push(error))
  await using channel = await connection.openChannel()
  proxy.blackhole()
  const route = { exchange: '', routingKey: 'anywhere' }
  const message = { properties: {}, headers: {}, body: Buffer.alloc(0) }
  const mistake = new Error('a mistake in a listener')
  const refused = (): void => {
    throw mistake
  }
  channel.post(route, message, { mandatory: false }, { confirmed: () => {}, refused })
  const behind = channel.publish(route, message)
  proxy.reset()
  await expect(behind).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  expect(thrown).toEqual([mistake])
  expect(await channel.closed).toMatchObject({ kind: 'lost' })
})

it('holds nothing of a consumer that was cancelled and has settled all', async () => {
  await using connection = await connect()
  await using channel = await connection.openChannel()
  await channel.declareQueue({ name: 'steady', durable: true })
  const cancelled: WeakRef<object>[] = []
  for (let round = 0; round < 3; round += 1) {
    const onDelivery = (delivery: Delivery): void => void delivery.ack()
    cancelled.push(new WeakRef(onDelivery))
    await (await channel.consume('steady', onDelivery)).cancel()
  }
  setFlagsFromString('--expose-gc')
  await new Promise((resolve) => setImmediate(resolve))
  runInNewContext('gc')()
  setFlagsFromString('--no-expose-gc')
  // Of the last one the variables of the loop may still know.
  expect(cancelled.slice(0, -1).map((consumer) => consumer.deref())).toEqual([undefined, undefined])
})
