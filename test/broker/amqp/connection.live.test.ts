import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Connection } from '../../../src/broker/broker.ts'
import { TwqError } from '../../../src/errors.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

const SECRET = 's3cr3t'

function connectTo(url: string, over: { heartbeat?: number; connectTimeout?: number } = {}): Promise<Connection> {
  return amqpBroker({ url, heartbeat: 10_000, name: 'test', ...over }).connect()
}

function changed(url: string, change: (url: URL) => void): string {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

/** A server that does as told with whoever connects. */
async function aServer(onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `amqp://ann:${SECRET}@127.0.0.1:${(server.address() as AddressInfo).port}//`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('connecting', () => {
  const user = uniqueName('ann')
  beforeAll(async () => void (await ctl('add_user', user, SECRET)))
  afterAll(async () => void (await ctl('delete_user', user)))

  it('tells what the broker is', async () => {
    await using connection = await connectTo(brokerUrl())
    expect(connection.server).toMatchObject({ product: 'RabbitMQ', heartbeat: 10, frameMax: 131_072 })
    expect(connection.server.version).toMatch(/^\d+\.\d+\.\d+/)
  })

  it.each<[string, string, (url: URL) => void, RegExp]>([
    ['a wrong password', 'TWQ_BROKER_AUTH', (url) => (url.password = 'wrong'), /login refused for user "guest" on 127/],
    ['an unknown user', 'TWQ_BROKER_AUTH', (url) => (url.username = 'nobody'), /login refused for user "nobody"/],
    [
      'a missing vhost',
      'TWQ_BROKER_VHOST',
      (url) => (url.pathname = '/no%20such'),
      /there is no vhost "no such" on 127/,
    ],
    ['a closed port', 'TWQ_BROKER_UNREACHABLE', (url) => (url.port = '1'), /nothing listens at 127\.0\.0\.1:1/],
    [
      'an unknown host',
      'TWQ_BROKER_UNREACHABLE',
      (url) => (url.hostname = 'twq.invalid'),
      /twq\.invalid can't be resolved/,
    ],
    ['TLS on a port without it', 'TWQ_BROKER_TLS', (url) => (url.href = url.href.replace('amqp:', 'amqps:')), /no TLS/],
  ])('says so of %s', async (_, code, change, message) => {
    await expect(connectTo(changed(brokerUrl(), change))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    })
  })

  it('says so of a vhost that the user may not use', async () => {
    const url = changed(brokerUrl(), (url) => {
      url.username = user
      url.password = SECRET
    })
    const error = await connectTo(url).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'TWQ_BROKER_VHOST',
      message: expect.stringContaining(`user "${user}" may not use`),
    })
    expect(`${(error as TwqError).message} ${(error as TwqError).hint}`).not.toContain(SECRET)
  })

  it('gives up on a server that accepts and says nothing', async () => {
    await using silent = await aServer(() => {})
    await expect(connectTo(silent.url, { connectTimeout: 200 })).rejects.toMatchObject({
      code: 'TWQ_BROKER_UNREACHABLE',
      message: expect.stringMatching(/did not answer within 0\.2 s/),
    })
  })

  it('gives up on a server that never stops talking', async () => {
    await using drip = await aServer((socket) => {
      const timer = setInterval(() => socket.write('\x01'), 20)
      socket.on('close', () => clearInterval(timer))
    })
    await expect(connectTo(drip.url, { connectTimeout: 300 })).rejects.toMatchObject({ code: 'TWQ_BROKER_UNREACHABLE' })
  })

  it.each([
    [
      'hangs up',
      (socket: Socket) => void socket.once('data', () => socket.end()),
      /closed the connection during the handshake/,
    ],
    [
      'speaks HTTP',
      (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      /does not speak AMQP|during the handshake/,
    ],
    ['resets', (socket: Socket) => void socket.once('data', () => socket.resetAndDestroy()), /ECONNRESET/],
  ])('says so of a server that %s', async (_, behave, message) => {
    await using server = await aServer(behave)
    const error = await connectTo(server.url).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'TWQ_BROKER_UNREACHABLE', message: expect.stringMatching(message) })
  })

  it('takes the next of several addresses', async () => {
    await using connection = await connectTo(`amqp://127.0.0.1:1//;${brokerUrl()}`)
    expect(connection.server.product).toBe('RabbitMQ')
  })

  it('names every address when none works, and the failure that says most', async () => {
    const wrong = changed(brokerUrl(), (url) => (url.password = 'wrong'))
    await expect(connectTo(`amqp://127.0.0.1:1//;${wrong}`)).rejects.toMatchObject({
      code: 'TWQ_BROKER_AUTH',
      message: expect.stringMatching(/nothing listens.*; login refused/),
    })
  })

  it('ends at once with the reason of its signal', async () => {
    await using silent = await aServer(() => {})
    const aborter = new AbortController()
    const reason = new Error('not any more')
    const connecting = amqpBroker({ url: silent.url, heartbeat: 0, name: 'test' }).connect({ signal: aborter.signal })
    aborter.abort(reason)
    await expect(connecting).rejects.toBe(reason)
  })
})

describe('an open connection', () => {
  it('ends as requested, having written what its channels had to say', async () => {
    const queue = uniqueName('parting')
    const connection = await connectTo(brokerUrl())
    const channel = await connection.openChannel()
    await channel.declareQueue({ name: queue, durable: false })
    const message = { properties: {}, headers: {}, body: Buffer.from('1') }
    const unconfirmed = channel.publish({ exchange: '', routingKey: queue }, message).catch((error: unknown) => error)
    await connection[Symbol.asyncDispose]()
    expect(await connection.closed).toEqual({ kind: 'requested' })
    expect(await channel.closed).toEqual({ kind: 'requested' })
    await expect(connection.openChannel()).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
    await unconfirmed
    await using again = await connectTo(brokerUrl())
    const other = await again.openChannel()
    expect(await other.inspectQueue(queue)).toMatchObject({ messages: 1 })
    await other.deleteQueue(queue)
  })

  it('is lost when the operator closes it, which amqplib tells by `close` alone', async () => {
    const connection = await connectTo(brokerUrl())
    const channel = await connection.openChannel()
    await ctl('close_all_connections', '--vhost', vhost(), 'maintenance')
    expect(await connection.closed).toMatchObject({
      kind: 'lost',
      error: { code: 'TWQ_CONNECTION_LOST', message: expect.stringMatching(/320 CONNECTION_FORCED - maintenance/) },
    })
    expect(await channel.closed).toMatchObject({ kind: 'lost', error: { code: 'TWQ_CONNECTION_LOST' } })
    await expect(channel.inspectQueue('any')).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  })

  it('is declared dead after two silent heartbeats, with whatever was under way', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const connection = await connectTo(proxy.through(brokerUrl()), { heartbeat: 1_000 })
    const channel = await connection.openChannel()
    proxy.blackhole()
    const asked = channel.inspectQueue('any').catch((error: unknown) => error)
    expect(await connection.closed).toMatchObject({
      kind: 'lost',
      error: { code: 'TWQ_CONNECTION_LOST', message: expect.stringMatching(/sent nothing for 2 s, two heartbeats/) },
    })
    expect(await asked).toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  })

  it('outlives a slow network', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    proxy.latency(100)
    await using connection = await connectTo(proxy.through(brokerUrl()), { heartbeat: 1_000 })
    const channel = await connection.openChannel()
    const { name } = await channel.declareQueue({ name: '', durable: false, exclusive: true })
    for (let round = 0; round < 5; round++) await channel.inspectQueue(name)
  })

  it('can be destroyed while the peer does not answer', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const connection = await connectTo(proxy.through(brokerUrl()))
    const channel = await connection.openChannel()
    proxy.blackhole()
    const asked = channel.inspectQueue('any').catch((error: unknown) => error)
    connection.destroy(new Error('no patience'))
    expect(await connection.closed).toMatchObject({
      kind: 'lost',
      error: { message: expect.stringContaining('no patience') },
    })
    expect(await asked).toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  })

  it('fails cleanly wherever in the conversation the network breaks', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const url = proxy.through(brokerUrl())
    const outcomes = new Set<string>()
    for (let bytes = 1; bytes < 1_200; bytes += 37) {
      proxy.cutAfter(bytes, 'to-client')
      const outcome = await (async () => {
        const connection = await connectTo(url)
        const channel = await connection.openChannel()
        const { name } = await channel.declareQueue({ name: '', durable: false, exclusive: true })
        for (;;) await channel.inspectQueue(name)
      })().catch((error: unknown) => (TwqError.is(error) ? error.code : String(error)))
      outcomes.add(outcome)
    }
    expect([...outcomes].sort()).toEqual(['TWQ_BROKER_UNREACHABLE', 'TWQ_CONNECTION_LOST'])
  })
})
