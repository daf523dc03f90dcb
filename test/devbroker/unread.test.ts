import { afterEach, expect, it } from 'vitest'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { RawClient } from './raw-client.ts'

const MIB = 1024 * 1024

let broker: DevBroker
afterEach(() => broker.stop())

function declare(client: RawClient, queue: string): void {
  const flags = { passive: false, durable: false, exclusive: false, autoDelete: false, noWait: true }
  client.send(1, 'queue.declare', { reserved1: 0, queue, ...flags, arguments: {} })
}

async function consume(client: RawClient, queue: string): Promise<void> {
  const consumer = { reserved1: 0, queue, consumerTag: '', noLocal: false, noAck: true, exclusive: false }
  client.send(1, 'basic.consume', { ...consumer, noWait: false, arguments: {} })
  await client.expect('basic.consume-ok')
}

it('takes what a client publishes while that reads none of its deliveries, and delivers them once it does', async () => {
  broker = await startDevBroker()
  await using client = await RawClient.open(broker.url)
  await client.channel()
  declare(client, 'own')
  await consume(client, 'own')
  await using other = await RawClient.open(broker.url)
  await other.channel()
  declare(other, 'end')
  await consume(other, 'end')

  client.socket.pause()
  // More than the buffers of both sockets, and what waits unread, can hold.
  const body = Buffer.alloc(MIB)
  for (let sent = 0; sent < 100; sent++) client.publish(1, { exchange: '', routingKey: 'own' }, { body })
  client.publish(1, { exchange: '', routingKey: 'end' })
  await other.expect('basic.deliver')

  client.socket.resume()
  for (let taken = 0; taken < 100; taken++) {
    expect((await client.expect('basic.deliver')).content?.body).toHaveLength(MIB)
  }
})
