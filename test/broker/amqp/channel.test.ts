import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Connection } from '../../../src/broker/broker.ts'
import { type DevBroker, startDevBroker } from '../../../src/devbroker/server.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'

let server: DevBroker
beforeAll(async () => {
  server = await startDevBroker()
})
afterAll(() => server.stop())

const connect = (url = server.url): Promise<Connection> =>
  amqpBroker({ url, heartbeat: 10_000, name: 'test' }).connect()

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
