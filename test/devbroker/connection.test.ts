import { afterEach, describe, expect, it } from 'vitest'
import { contentFrames, methodFrame } from '../../src/devbroker/frames.ts'
import type { MethodArguments } from '../../src/devbroker/methods.ts'
import { type DevBroker, type DevBrokerOptions, startDevBroker } from '../../src/devbroker/server.ts'
import { TwqError } from '../../src/errors.ts'
import type { Headers } from '../../src/protocol/wire.ts'
import type { EventLogger } from '../../src/runtime/log/logger.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { PROTOCOL_HEADER, RawClient } from './raw-client.ts'

let broker: DevBroker
const started = async (options: DevBrokerOptions = {}): Promise<string> => {
  broker = await startDevBroker(options)
  return broker.url
}
afterEach(() => broker.stop())

describe('the handshake', () => {
  it('answers another protocol with the header of its own', async () => {
    const client = await RawClient.to(await started())
    client.socket.removeAllListeners('data')
    const answered = new Promise<Buffer>((resolve) => client.socket.once('data', resolve))
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    expect(await answered).toEqual(PROTOCOL_HEADER)
    await client.ended
  })

  it('lets in who knows the password, by PLAIN and by AMQPLAIN', async () => {
    const url = await started({ users: { ann: 's3cret' } })
    expect(url).toMatch(/^amqp:\/\/ann:s3cret@127\.0\.0\.1:\d+\/\/$/)
    await using plain = await RawClient.to(url)
    await plain.login('ann', 's3cret')
    await using amqplain = await RawClient.to(url)
    amqplain.socket.write(PROTOCOL_HEADER)
    await amqplain.expect('connection.start')
    const response = Buffer.from('\x05LOGINS\0\0\0\x03ann\x08PASSWORDS\0\0\0\x06s3cret', 'latin1')
    amqplain.send(0, 'connection.start-ok', { clientProperties: {}, mechanism: 'AMQPLAIN', response, locale: 'en_US' })
    await amqplain.expect('connection.tune')
  })

  it('refuses who does not, with a word to clients that expect one', async () => {
    const url = await started()
    await using polite = await RawClient.to(url)
    await expect(polite.login('guest', 'wrong')).rejects.toThrow(
      /connection.close .*403.*ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN/,
    )
    await using plain = await RawClient.to(url)
    plain.socket.write(PROTOCOL_HEADER)
    await plain.expect('connection.start')
    const response = Buffer.from('\0guest\0wrong')
    plain.send(0, 'connection.start-ok', { clientProperties: {}, mechanism: 'PLAIN', response, locale: 'en_US' })
    await plain.ended
  })

  it.each<[Partial<MethodArguments<'connection.tune-ok'>>, string]>([
    [{ frameMax: 200_000 }, 'negotiated frame_max = 200000 is higher than the maximum allowed value (131072)'],
    [{ frameMax: 100 }, 'negotiated frame_max = 100 is lower than the minimum allowed value (4096)'],
    [{ channelMax: 4_000 }, 'negotiated channel_max = 4000 is higher than the maximum allowed value (2047)'],
  ])('refuses limits beyond its own: %j', async (tuning, words) => {
    await expect(RawClient.open(await started(), tuning)).rejects.toThrow(`NOT_ALLOWED - ${words}`)
  })

  it('must be done in time', async () => {
    const client = await RawClient.to(await started({ handshakeTimeout: 20 }))
    await client.ended
  })

  it('gives every virtual host that is asked for, each apart', async () => {
    const url = await started()
    await using one = await RawClient.open(url.replace(/\/\/$/, '/one'))
    await using two = await RawClient.open(url.replace(/\/\/$/, '/two'))
    for (const client of [one, two]) await client.channel()
    declare(one, 'q')
    await one.expect('queue.declare-ok')
    declare(two, 'q', { passive: true })
    expect((await two.expect('channel.close')).method.arguments.replyText).toContain("no queue 'q' in vhost 'two'")
  })
})

describe('a connection', () => {
  it('is kept alive by heartbeats, and ended when the client gives none', async () => {
    const client = await RawClient.open(await started(), { heartbeat: 1 })
    const bytes: number[] = []
    client.socket.on('data', (chunk) => bytes.push(...chunk))
    await client.ended
    expect(bytes.slice(0, 8)).toEqual([8, 0, 0, 0, 0, 0, 0, 0xce])
  })

  it('splits bodies into frames of the negotiated length', async () => {
    await using client = await RawClient.open(await started(), { frameMax: 4_096 })
    await client.channel()
    declare(client, 'q')
    await client.expect('queue.declare-ok')
    const body = Buffer.alloc(50_000, 'body')
    const publish = { reserved1: 0, exchange: '', routingKey: 'q', mandatory: false, immediate: false }
    client.socket.write(methodFrame(1, 'basic.publish', publish))
    for (const frame of contentFrames(1, { properties: {}, headers: undefined, body }, 4_096))
      client.socket.write(frame)
    get(client, 'q')
    expect((await client.expect('basic.get-ok')).content?.body.equals(body)).toBe(true)
    client.publish(1, { exchange: '', routingKey: 'q' }, { body })
    expect((await client.expect('connection.close')).method.arguments.replyText).toContain('{frame_too_large,')
  })

  it('opens as many channels as negotiated', async () => {
    await using client = await RawClient.open(await started(), { channelMax: 2 })
    await client.channel(1)
    await client.channel(9)
    client.send(3, 'channel.open', { reserved1: '' })
    expect((await client.expect('connection.close')).method.arguments.replyText).toBe(
      'NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)',
    )
  })

  it('refuses methods that it does not know, and transactions', async () => {
    const url = await started()
    await using one = await RawClient.open(url)
    await one.channel()
    one.socket.write(Buffer.from('\x01\0\x01\0\0\0\x04\0\x3c\0\xff\xce', 'latin1'))
    expect((await one.expect('connection.close')).method.arguments).toMatchObject({
      replyCode: 503,
      replyText: 'COMMAND_INVALID - unknown method 60.255',
    })
    await using two = await RawClient.open(url)
    await two.channel()
    two.send(1, 'tx.select', {})
    expect((await two.expect('connection.close')).method.arguments.replyCode).toBe(540)
  })

  it('takes no message larger than allowed', async () => {
    await using client = await RawClient.open(await started({ maxMessageBytes: 1_000 }))
    await client.channel()
    client.publish(1, { exchange: '', routingKey: 'q' }, { body: Buffer.alloc(1_001) })
    expect((await client.expect('channel.close')).method.arguments.replyText).toBe(
      'PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000',
    )
  })

  it('holds no more of incomplete messages than of one message', async () => {
    await using client = await RawClient.open(await started({ maxMessageBytes: 1_000 }))
    for (const channel of [1, 2]) {
      await client.channel(channel)
      const publish = { reserved1: 0, exchange: '', routingKey: 'q', mandatory: false, immediate: false }
      const content = { properties: {}, headers: undefined, body: Buffer.alloc(900) }
      const [header, body] = contentFrames(channel, content, 608)
      client.socket.write(Buffer.concat([methodFrame(channel, 'basic.publish', publish), header!, body!]))
    }
    expect((await client.expect('connection.close')).method.arguments.replyCode).toBe(506)
  })

  it('is told when the broker stops', async () => {
    const client = await RawClient.open(await started())
    const stopped = broker.stop()
    expect((await client.expect('connection.close')).method.arguments).toMatchObject({
      replyCode: 320,
      replyText: 'CONNECTION_FORCED - dev broker stopped',
    })
    client.send(0, 'connection.close-ok', {})
    await stopped
  })
})

describe('a broker that takes no publishes', () => {
  it('tells those who publish why, and takes them up again later', async () => {
    await using client = await RawClient.open(await started())
    await client.channel()
    declare(client, 'q')
    await client.expect('queue.declare-ok')
    broker.block('testing')
    client.publish(1, { exchange: '', routingKey: 'q' })
    client.publish(1, { exchange: '', routingKey: 'q' })
    expect((await client.expect('connection.blocked')).method.arguments.reason).toBe('testing')
    get(client, 'q')
    broker.unblock()
    await client.expect('connection.unblocked')
    expect((await client.expect('basic.get-ok')).method.arguments.messageCount).toBe(1)
  })

  it('is one that holds too much', async () => {
    const url = await started({ maxHeldBytes: 1_000 })
    await using consumer = await RawClient.open(url)
    await consumer.channel()
    declare(consumer, 'q')
    await consumer.expect('queue.declare-ok')
    await using client = await RawClient.open(url)
    await client.channel()
    client.publish(1, { exchange: '', routingKey: 'q' }, { body: Buffer.alloc(2_000) })
    client.publish(1, { exchange: '', routingKey: 'q' }, { body: Buffer.alloc(10) })
    expect((await client.expect('connection.blocked')).method.arguments.reason).toBe('low on memory')
    get(consumer, 'q')
    await consumer.expect('basic.get-ok')
    await client.expect('connection.unblocked')
  })

  it('counts the headers of messages without a body', async () => {
    const url = await started({ maxHeldBytes: 1_000_000 })
    await using client = await RawClient.open(url)
    await client.channel()
    declare(client, 'q')
    await client.expect('queue.declare-ok')
    // As bytes of a table: one long text.
    const text = Buffer.alloc(100_000, 'x')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    const headers = Buffer.concat([Buffer.from('\x01nS', 'latin1'), length, text])
    for (let count = 0; count < 11; count += 1) {
      client.publish(1, { exchange: '', routingKey: 'q' }, { body: Buffer.alloc(0), headers })
    }
    expect((await client.expect('connection.blocked')).method.arguments.reason).toBe('low on memory')
  })

  it('ends who goes beyond the bound on incomplete messages of all connections', async () => {
    const url = await started({ maxMessageBytes: 200_000, maxHeldBytes: 200_000 })
    const begin = async (client: RawClient) => {
      await client.channel()
      client.send(1, 'basic.publish', {
        reserved1: 0,
        mandatory: false,
        immediate: false,
        exchange: '',
        routingKey: 'q',
      })
      const [header, body] = contentFrames(
        1,
        { properties: {}, headers: undefined, body: Buffer.alloc(180_000) },
        131_072,
      )
      client.socket.write(Buffer.concat([header as Buffer, body as Buffer]))
    }
    await using first = await RawClient.open(url)
    await begin(first)
    // What comes after it has been read.
    await first.channel(2)
    await using second = await RawClient.open(url)
    await begin(second)
    expect((await second.expect('connection.close')).method.arguments).toMatchObject({
      replyCode: 506,
      replyText: 'RESOURCE_ERROR - incomplete messages of more than 200000 bytes on all connections',
    })
    await first.channel(3)
  })

  it('refuses virtual hosts beyond what all clients may have it keep', async () => {
    const url = await started({ maxDeclaredBytes: 40_000 })
    await using _first = await RawClient.open(url)
    await using _second = await RawClient.open(`${url.slice(0, -1)}second`)
    const third = await RawClient.open(`${url.slice(0, -1)}third`).catch((error: Error) => error.message)
    expect(third).toContain('low on memory')
  })

  it('refuses channels beyond what all clients may have it keep, and has room again when they are closed', async () => {
    const url = await started({ maxDeclaredBytes: 60_000 })
    {
      await using greedy = await RawClient.open(url)
      for (let channel = 1; channel <= 50; channel += 1) greedy.send(channel, 'channel.open', { reserved1: '' })
      let last = await greedy.receive()
      while (last.method.name === 'channel.open-ok') last = await greedy.receive()
      expect(last.method).toMatchObject({
        name: 'connection.close',
        arguments: { replyCode: 406, replyText: expect.stringContaining('low on memory') },
      })
    }
    await using client = await RawClient.open(url)
    await client.channel()
  })
})

describe('a channel', () => {
  const opened = async (): Promise<RawClient> => {
    const client = await RawClient.open(await started())
    await client.channel()
    declare(client, 'q')
    await client.expect('queue.declare-ok')
    return client
  }

  it('confirms publishes, several at once where it can', async () => {
    await using client = await opened()
    client.send(1, 'confirm.select', { noWait: false })
    await client.expect('confirm.select-ok')
    client.socket.cork()
    for (let n = 0; n < 10; n++) client.publish(1, { exchange: '', routingKey: 'q' })
    client.socket.uncork()
    let confirmed = 0
    while (confirmed < 10) {
      const { deliveryTag, multiple } = (await client.expect('basic.ack')).method.arguments
      expect(multiple || deliveryTag === confirmed + 1).toBe(true)
      confirmed = deliveryTag
    }
  })

  it('returns a mandatory message before it confirms it', async () => {
    await using client = await opened()
    client.send(1, 'confirm.select', { noWait: true })
    client.publish(1, { exchange: '', routingKey: 'nowhere', mandatory: true }, { body: Buffer.from('back') })
    const returned = await client.expect('basic.return')
    expect(returned.method.arguments).toMatchObject({ replyCode: 312, replyText: 'NO_ROUTE', routingKey: 'nowhere' })
    expect(returned.content?.body.toString()).toBe('back')
    await client.expect('basic.ack')
  })

  it('counts what it gets, purges and deletes', async () => {
    await using client = await opened()
    get(client, 'q')
    await client.expect('basic.get-empty')
    for (let n = 0; n < 5; n++) client.publish(1, { exchange: '', routingKey: 'q' })
    get(client, 'q')
    expect((await client.expect('basic.get-ok')).method.arguments.messageCount).toBe(4)
    client.send(1, 'queue.purge', { reserved1: 0, queue: 'q', noWait: false })
    expect((await client.expect('queue.purge-ok')).method.arguments.messageCount).toBe(4)
    client.publish(1, { exchange: '', routingKey: 'q' })
    client.send(1, 'queue.delete', { reserved1: 0, queue: 'q', ifUnused: false, ifEmpty: false, noWait: false })
    expect((await client.expect('queue.delete-ok')).method.arguments.messageCount).toBe(1)
    client.send(1, 'queue.delete', { reserved1: 0, queue: 'q', ifUnused: true, ifEmpty: true, noWait: false })
    expect((await client.expect('queue.delete-ok')).method.arguments.messageCount).toBe(0)
  })

  it('recovers what it has in hand', async () => {
    await using client = await opened()
    client.publish(1, { exchange: '', routingKey: 'q' })
    client.send(1, 'basic.get', { reserved1: 0, queue: 'q', noAck: false })
    await client.expect('basic.get-ok')
    client.send(1, 'basic.recover', { requeue: true })
    await client.expect('basic.recover-ok')
    get(client, 'q')
    expect((await client.expect('basic.get-ok')).method.arguments.redelivered).toBe(true)
  })

  it('tells a consumer that its queue is gone', async () => {
    await using client = await opened()
    const consumer = { reserved1: 0, queue: 'q', consumerTag: 'me', noLocal: false, noAck: true, exclusive: false }
    client.send(1, 'basic.consume', { ...consumer, noWait: false, arguments: {} })
    expect((await client.expect('basic.consume-ok')).method.arguments.consumerTag).toBe('me')
    client.send(1, 'queue.delete', { reserved1: 0, queue: 'q', ifUnused: false, ifEmpty: false, noWait: true })
    expect((await client.expect('basic.cancel')).method.arguments.consumerTag).toBe('me')
  })

  it('can be opened again after it was closed for an error', async () => {
    await using client = await opened()
    declare(client, 'nowhere', { passive: true })
    await client.expect('channel.close')
    get(client, 'q')
    client.send(1, 'channel.close-ok', {})
    await client.channel()
    get(client, 'q')
    await client.expect('basic.get-empty')
  })

  it('binds exchanges to exchanges', async () => {
    await using client = await opened()
    const link = { reserved1: 0, destination: 'amq.direct', source: 'amq.topic', routingKey: 'a.#', arguments: {} }
    client.send(1, 'exchange.bind', { ...link, noWait: false })
    await client.expect('exchange.bind-ok')
    const binding = { reserved1: 0, queue: 'q', exchange: 'amq.direct', routingKey: 'a.b', arguments: {} }
    client.send(1, 'queue.bind', { ...binding, noWait: false })
    await client.expect('queue.bind-ok')
    client.publish(1, { exchange: 'amq.topic', routingKey: 'a.b' })
    get(client, 'q')
    await client.expect('basic.get-ok')
    client.send(1, 'exchange.unbind', { ...link, noWait: false })
    await client.expect('exchange.unbind-ok')
    client.publish(1, { exchange: 'amq.topic', routingKey: 'a.b' })
    get(client, 'q')
    await client.expect('basic.get-empty')
  })
})

describe('starting', () => {
  it('says that it is not for production and keeps nothing', async () => {
    const lines: string[] = []
    const logger: EventLogger = { ...silentLogger, warn: (_fields, message) => void lines.push(message) }
    await started({ logger })
    expect(lines).toEqual(['dev broker started: not for production, keeps nothing on disk'])
  })

  it('fails with an error where the port is taken', async () => {
    await started()
    const second = startDevBroker({ port: broker.port })
    await expect(second).rejects.toSatisfy((error) => TwqError.is(error, 'TWQ_BROKER_UNREACHABLE'))
    await expect(second).rejects.toThrow(`can't listen at 127.0.0.1:${broker.port}`)
  })
})

function declare(client: RawClient, queue: string, over: Partial<MethodArguments<'queue.declare'>> = {}): void {
  const args: Headers = {}
  const flags = { passive: false, durable: false, exclusive: false, autoDelete: false, noWait: false }
  client.send(1, 'queue.declare', { reserved1: 0, queue, ...flags, arguments: args, ...over })
}

function get(client: RawClient, queue: string): void {
  client.send(1, 'basic.get', { reserved1: 0, queue, noAck: true })
}
