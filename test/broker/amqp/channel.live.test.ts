import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Channel, Connection, Delivery } from '../../../src/broker/broker.ts'
import type { Headers, WireMessage } from '../../../src/protocol/wire.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { brokerFacts } from '../../support/broker-facts.ts'
import { brokerUrl, ctl, uniqueName } from '../../support/services.ts'

const callbackErrors: unknown[] = []
let connection: Connection

beforeAll(async () => {
  connection = await amqpBroker({
    url: brokerUrl(),
    heartbeat: 10_000,
    name: 'test',
    onCallbackError: (error) => callbackErrors.push(error),
  }).connect()
})
afterAll(() => connection[Symbol.asyncDispose]())

function saying(body: string, headers: Headers = {}): WireMessage {
  return { properties: {}, headers, body: Buffer.from(body) }
}

async function aQueue(): Promise<{ channel: Channel; queue: string; send: (...bodies: string[]) => Promise<void> }> {
  const channel = await connection.openChannel()
  const queue = uniqueName('channel')
  await channel.declareQueue({ name: queue, durable: false, arguments: { 'x-expires': 60_000 } })
  const send = async (...bodies: string[]): Promise<void> => {
    await Promise.all(bodies.map((body) => channel.publish({ exchange: '', routingKey: queue }, saying(body))))
  }
  return { channel, queue, send }
}

/** Consumes until `count` messages are here. */
async function take(channel: Channel, queue: string, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = []
  const enough = deferred<void>()
  await channel.consume(queue, (delivery) => {
    taken.push(delivery)
    if (taken.length === count) enough.resolve()
  })
  await enough.promise
  return taken
}

const text = (delivery: Delivery): string => Buffer.from(delivery.body).toString()

describe('consume', () => {
  it('delivers everything that a message carries', async () => {
    const { channel, queue } = await aQueue()
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      priority: 3,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '60000',
      messageId: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      userId: 'guest',
      appId: 'a',
    }
    const headers = { n: 2 ** 40, big: 2n ** 60n, list: [300, null, { deep: true }], bytes: Buffer.from([0, 255]) }
    await channel.publish({ exchange: '', routingKey: queue }, { properties, headers, body: Buffer.from('hello') })
    const [delivery] = await take(channel, queue, 1)
    expect(delivery).toMatchObject({
      properties,
      route: { exchange: '', routingKey: queue },
      redelivered: false,
      alive: true,
    })
    expect({ ...delivery?.headers }).toMatchObject(headers)
    expect(delivery?.headersError).toBeUndefined()
    expect(text(delivery!)).toBe('hello')
  })

  it('hands over headers nested too deep as bytes, and sends them on as they were', async () => {
    const { channel, queue } = await aQueue()
    const rawHeaders = nestedTable(3_000)
    await channel.publish({ exchange: '', routingKey: queue }, { ...saying('1'), rawHeaders })
    const [delivery] = await take(channel, queue, 1)
    expect(delivery?.headersError).toBe('nested deeper than 64 levels')
    expect(Object.keys(delivery?.headers ?? {})).toEqual([])
    expect(Buffer.from(delivery?.rawHeaders ?? []).equals(rawHeaders)).toBe(true)
    await channel.publish({ exchange: '', routingKey: queue }, delivery!)
    expect(delivery?.ack()).toBe(true)
  })

  it('acknowledges exactly what was acknowledged: the rest comes back, marked', async () => {
    const { channel, queue, send } = await aQueue()
    const bodies = Array.from({ length: 500 }, (_, index) => String(index))
    await send(...bodies)
    const deliveries = await take(channel, queue, bodies.length)
    const left = new Set(bodies.filter((_, index) => index % 7 === 0))
    for (const delivery of deliveries) {
      if (left.has(text(delivery))) continue
      expect(delivery.ack()).toBe(true)
      if (Number(text(delivery)) % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await channel[Symbol.asyncDispose]()
    const again = await connection.openChannel()
    const redelivered = await take(again, queue, left.size)
    expect(new Set(redelivered.map(text))).toEqual(left)
    expect(redelivered.every((delivery) => delivery.redelivered)).toBe(true)
    for (const delivery of redelivered) delivery.ack()
    await again[Symbol.asyncDispose]()
    const last = await connection.openChannel()
    expect(await last.inspectQueue(queue)).toMatchObject({ messages: 0 })
  })

  it('gives back and drops what is nacked, between acks', async () => {
    const { channel, queue, send } = await aQueue()
    await send('ack 1', 'requeue', 'ack 2', 'drop', 'ack 3')
    const seen: string[] = []
    const again = deferred<void>()
    await channel.consume(queue, (delivery) => {
      seen.push(`${text(delivery)}${delivery.redelivered ? ' again' : ''}`)
      if (delivery.redelivered || text(delivery).startsWith('ack')) delivery.ack()
      else delivery.nack({ requeue: text(delivery) === 'requeue' })
      if (delivery.redelivered) again.resolve()
    })
    await again.promise
    await channel[Symbol.asyncDispose]()
    expect(seen.sort()).toEqual(['ack 1', 'ack 2', 'ack 3', 'drop', 'requeue', 'requeue again'])
    const last = await connection.openChannel()
    expect(await last.inspectQueue(queue)).toMatchObject({ messages: 0 })
  })

  it('settles a delivery once, and not at all when its channel is gone', async () => {
    const { channel, queue, send } = await aQueue()
    await send('1', '2')
    const [first, second] = await take(channel, queue, 2)
    expect([first?.ack(), first?.ack(), first?.nack({ requeue: true })]).toEqual([true, false, false])
    await channel[Symbol.asyncDispose]()
    expect([second?.alive, second?.ack(), second?.nack({ requeue: true })]).toEqual([false, false, false])
    expect(connection).toMatchObject({ blocked: undefined })
  })

  it('has the broker share a prefetch among the consumers of a channel, where it can, and changes it', async () => {
    const { channel, queue, send } = await aQueue()
    await send('1', '2', '3')
    await channel.prefetch(1, 'channel')
    const taken: string[] = []
    let enough = deferred<void>()
    // From 4.3 on each has it for itself.
    let wanted = brokerFacts().channelPrefetch ? 1 : 2
    const onDelivery = (delivery: Delivery): void => {
      taken.push(text(delivery))
      if (taken.length === wanted) enough.resolve()
    }
    await channel.consume(queue, onDelivery)
    await channel.consume(queue, onDelivery)
    await enough.promise
    expect(await channel.inspectQueue(queue)).toMatchObject({ messages: 3 - wanted, consumers: 2 })
    if (!brokerFacts().channelPrefetch) return
    wanted = 3
    enough = deferred()
    await channel.prefetch(3, 'channel')
    await enough.promise
    expect(taken.sort()).toEqual(['1', '2', '3'])
  })

  it('tells that the broker ended a consumer, and goes on', async () => {
    const { channel, queue } = await aQueue()
    const cancelled = deferred<void>()
    await channel.consume(queue, () => {}, { onCancelled: () => cancelled.resolve() })
    const other = await connection.openChannel()
    await other.deleteQueue(queue)
    await cancelled.promise
    expect(channel.isOpen).toBe(true)
  })

  it('delivers nothing after its cancel was answered, and leaves in hand what was delivered', async () => {
    const { channel, queue, send } = await aQueue()
    await send('1')
    const taken: Delivery[] = []
    const first = deferred<void>()
    const subscription = await channel.consume(queue, (delivery) => {
      taken.push(delivery)
      first.resolve()
    })
    await first.promise
    await subscription.cancel()
    await send('2')
    expect(await channel.inspectQueue(queue)).toMatchObject({ messages: 1, consumers: 0 })
    expect(taken.map((delivery) => delivery.ack())).toEqual([true])
  })

  it('survives callbacks that throw, and tells whoever asked', async () => {
    const { channel, queue, send } = await aQueue()
    await send('1', '2')
    const seen: string[] = []
    const both = deferred<void>()
    const cancelled = deferred<void>()
    await channel.consume(
      queue,
      (delivery) => {
        seen.push(text(delivery))
        if (seen.length === 2) both.resolve()
        throw new Error(`cannot handle ${text(delivery)}`)
      },
      {
        onCancelled: () => {
          cancelled.resolve()
          throw new Error('cannot handle the cancel')
        },
      },
    )
    await both.promise
    await channel.deleteQueue(queue)
    // RabbitMQ may answer the delete before it tells the consumer.
    await cancelled.promise
    expect(channel.isOpen).toBe(true)
    expect(callbackErrors.map(String)).toEqual([
      'Error: cannot handle 1',
      'Error: cannot handle 2',
      'Error: cannot handle the cancel',
    ])
  })
})

describe('publish', () => {
  it('tells a message that reached no queue from one that did', async () => {
    const { channel, queue } = await aQueue()
    const publishes = Array.from({ length: 200 }, (_, index) =>
      channel.publish(
        { exchange: '', routingKey: index % 3 === 0 ? uniqueName('gone') : queue },
        saying(String(index)),
        {
          mandatory: true,
        },
      ),
    )
    const outcomes = await Promise.all(publishes)
    expect(outcomes).toEqual(outcomes.map((_, index) => (index % 3 === 0 ? 'returned' : 'confirmed')))
    expect(await channel.publish({ exchange: '', routingKey: uniqueName('gone') }, saying('x'))).toBe('confirmed')
  })

  it('names the missing exchange to its messages, and to the others that the channel is gone', async () => {
    const { channel, queue } = await aQueue()
    const outcomes = await Promise.allSettled([
      channel.publish({ exchange: 'no such exchange', routingKey: 'x' }, saying('1')),
      channel.publish({ exchange: '', routingKey: queue }, saying('2')),
    ])
    expect(outcomes).toMatchObject([
      { reason: { code: 'TWQ_QUEUE_MISSING', message: expect.stringContaining("no exchange 'no such exchange'") } },
      { reason: { code: 'TWQ_CHANNEL_CLOSED' } },
    ])
    await expect(channel.publish({ exchange: '', routingKey: queue }, saying('3'))).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISSING',
    })
  })

  it('rejects what a full queue refuses', async () => {
    const channel = await connection.openChannel()
    const name = uniqueName('full')
    await channel.declareQueue({
      name,
      durable: false,
      arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish', 'x-expires': 60_000 },
    })
    await expect(channel.publish({ exchange: '', routingKey: name }, saying('1'))).rejects.toMatchObject({
      code: 'TWQ_PUBLISH_REFUSED',
    })
    expect(channel.isOpen).toBe(true)
  })

  it('refuses what can not be written, and goes on', async () => {
    const { channel, queue } = await aQueue()
    const route = { exchange: '', routingKey: queue }
    await expect(channel.publish(route, saying('1', { n: 2n ** 80n }))).rejects.toMatchObject({
      code: 'TWQ_UNSERIALISABLE',
    })
    await expect(channel.publish(route, saying('1', { s: 'x'.repeat(140_000) }))).rejects.toMatchObject({
      code: 'TWQ_UNSERIALISABLE',
    })
    await expect(channel.publish({ exchange: '', routingKey: 'x'.repeat(256) }, saying('1'))).rejects.toMatchObject({
      code: 'TWQ_UNSERIALISABLE',
    })
    expect(await channel.publish(route, saying('2'))).toBe('confirmed')
  })
})

describe('a refused request', () => {
  it('says which queue is missing', async () => {
    const channel = await connection.openChannel()
    const name = uniqueName('missing')
    await expect(channel.inspectQueue(name)).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISSING',
      message: expect.stringContaining(`no queue '${name}'`),
    })
    expect(await channel.closed).toMatchObject({ kind: 'lost', error: { code: 'TWQ_QUEUE_MISSING' } })
    await expect(channel.prefetch(1, 'channel')).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
  })

  it('names what differs from an existing queue', async () => {
    const { queue } = await aQueue()
    const channel = await connection.openChannel()
    await expect(channel.declareQueue({ name: queue, durable: true })).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISMATCH',
      message: `queue "${queue}" exists with durable false, and true was asked for`,
      hint: expect.stringContaining(`rabbitmqctl delete_queue ${queue}`),
    })
  })

  it('names what differs from an existing exchange', async () => {
    const name = uniqueName('exchange')
    const channel = await connection.openChannel()
    await channel.declareExchange({ name, type: 'topic', durable: false, autoDelete: true })
    await expect(
      channel.declareExchange({ name, type: 'direct', durable: false, autoDelete: true }),
    ).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISMATCH',
      message: `exchange "${name}" exists with type topic, and direct was asked for`,
    })
  })

  it('says that a queue belongs to another connection', async () => {
    const channel = await connection.openChannel()
    const { name } = await channel.declareQueue({ name: uniqueName('mine'), durable: false, exclusive: true })
    await using stranger = await amqpBroker({ url: brokerUrl(), heartbeat: 0, name: 'stranger' }).connect()
    const other = await stranger.openChannel()
    await expect(other.inspectQueue(name)).rejects.toMatchObject({
      code: 'TWQ_QUEUE_LOCKED',
      message: expect.stringContaining(`exclusive access to locked queue '${name}'`),
    })
  })

  it('says what the user lacks', async () => {
    const user = uniqueName('ann')
    await ctl('add_user', user, 'x')
    const { pathname } = new URL(brokerUrl())
    await ctl('set_permissions', '-p', decodeURIComponent(pathname.slice(1)), user, '^$', '.*', '.*')
    const url = new URL(brokerUrl())
    url.username = user
    url.password = 'x'
    await using theirs = await amqpBroker({ url: url.href, heartbeat: 0, name: 'ann' }).connect()
    const channel = await theirs.openChannel()
    await expect(channel.declareQueue({ name: 'forbidden', durable: true })).rejects.toMatchObject({
      code: 'TWQ_BROKER_PERMISSION',
      message: expect.stringMatching(/access to queue 'forbidden' in vhost .* refused for user/),
      hint: expect.stringContaining(`rabbitmqctl set_permissions -p`),
    })
    await ctl('delete_user', user)
  })
})

function nestedTable(levels: number): Buffer {
  let table: Buffer = Buffer.alloc(0)
  for (let level = 0; level < levels; level++) {
    const head = Buffer.from([1, 0x6b, 0x46, 0, 0, 0, 0])
    head.writeUInt32BE(table.length, 3)
    table = Buffer.concat([head, table])
  }
  return table
}
