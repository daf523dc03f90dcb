import { describe, expect, it } from 'vitest'
import { ServerChannel } from '../../../src/broker/memory/channel.ts'
import { createMessage, headersOf, type Message } from '../../../src/broker/memory/message.ts'
import type { Queue } from '../../../src/broker/memory/queue.ts'
import type { Refusal } from '../../../src/broker/memory/refusal.ts'
import { VirtualHost } from '../../../src/broker/memory/vhost.ts'
import type { Headers, Properties } from '../../../src/protocol/wire.ts'
import { ManualClock } from '../../support/manual-clock.ts'

describe('a virtual host in virtual time', () => {
  it('expires messages when their time comes, from the head of the queue', () => {
    const { clock, queue, send } = aHost()
    const [dead, work] = [queue('dead'), queue('work', { ...TO_DEAD, 'x-message-ttl': 1_000 })]
    send('work', 'patient')
    clock.advance(600)
    send('work', 'later')
    send('work', 'impatient', { expiration: '100' })
    clock.advance(399)
    expect([work.ready, dead.ready]).toEqual([3, 0])
    clock.advance(1)
    // The impatient one is behind another that may still wait, as in RabbitMQ.
    expect([work.ready, dead.ready]).toEqual([2, 1])
    clock.advance(600)
    expect([work.ready, dead.ready]).toEqual([0, 3])
    expect(bodies(dead)).toEqual(['patient', 'later', 'impatient'])
  })

  it('hands a message without time to a consumer that is free, and drops it otherwise', () => {
    const { queue, send, consumer } = aHost()
    const work = queue('work', { 'x-message-ttl': 0 })
    send('work', 'lost')
    expect(work.ready).toBe(0)
    const got = consumer('work', { prefetch: 1 })
    send('work', 'got')
    send('work', 'lost too')
    expect(got).toEqual(['got'])
    expect(work.ready).toBe(0)
  })

  it('keeps the time a message has when it is given back', () => {
    const { clock, host, queue, send } = aHost()
    const dead = queue('dead')
    const work = queue('work', { ...TO_DEAD, 'x-message-ttl': 1_000 })
    const channel = new ServerChannel(host, OWNER, aClient())
    send('work', 'x')
    const got = channel.get('work', { noAck: false })
    clock.advance(5_000)
    expect(dead.ready).toBe(0)
    channel.nack(got?.handout.deliveryTag ?? 0, { multiple: false, requeue: true })
    expect([work.ready, dead.ready]).toEqual([0, 1])
  })

  it('deletes a queue that nobody used for so long, consumers and declares counting as use', () => {
    const { clock, host, queue, consumer } = aHost()
    const declare = () => queue('brief', { 'x-expires': 1_000 })
    declare()
    clock.advance(900)
    declare()
    clock.advance(900)
    host.queue('brief', OWNER)
    const channel = new ServerChannel(host, OWNER, aClient())
    const { consumerTag, start } = channel.consume({ ...CONSUME, queue: 'brief' })
    start()
    clock.advance(5_000)
    channel.cancel(consumerTag)
    clock.advance(999)
    host.queue('brief', OWNER)
    clock.advance(1)
    expect(() => host.queue('brief', OWNER)).toThrow("no queue 'brief' in vhost '/'")
    expect(() => consumer('brief')).toThrow('NOT_FOUND')
  })

  it('leads a message through the delay network of Celery for as long as its key says', () => {
    const { clock, host, queue } = aHost()
    const levels = 28
    const exchange = (name: string) =>
      host.declareExchange({ name, type: 'topic', durable: true, autoDelete: false, internal: false, arguments: {} })
    const bind = (source: string, kind: 'queue' | 'exchange', name: string, routingKey: string) =>
      host.bind({ source, destination: { kind, name }, routingKey, arguments: {} }, OWNER)
    const next = (level: number) => (level === 0 ? 'celery_delayed_delivery' : `celery_delayed_${level - 1}`)
    exchange('celery_delayed_delivery')
    for (let level = 0; level < levels; level++) {
      exchange(`celery_delayed_${level}`)
      const words = '*.'.repeat(levels - 1 - level)
      queue(`celery_delayed_${level}`, {
        'x-queue-type': 'quorum',
        'x-overflow': 'reject-publish',
        'x-message-ttl': 2 ** level * 1_000,
        'x-dead-letter-exchange': next(level),
        'x-dead-letter-strategy': 'at-least-once',
      })
      bind(`celery_delayed_${level}`, 'queue', `celery_delayed_${level}`, `${words}1.#`)
      bind(`celery_delayed_${level}`, 'exchange', next(level), `${words}0.#`)
    }
    const work = queue('work')
    bind('celery_delayed_delivery', 'queue', 'work', '#.work')
    const seconds = 100_005
    const digits = seconds.toString(2).padStart(levels, '0').split('').join('.')
    host.publish(aMessage('celery_delayed_27', `${digits}.work`, 'x'))
    clock.advance(seconds * 1_000 - 1)
    expect(work.ready).toBe(0)
    clock.advance(1)
    expect(work.ready).toBe(1)
  })
})

describe('a virtual host', () => {
  it('ends a circle of dead letters that nobody rejects', () => {
    const { clock, queue, send } = aHost()
    const [one, two] = [
      queue('one', { 'x-message-ttl': 10, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'two' }),
      queue('two', { 'x-message-ttl': 10, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'one' }),
    ]
    send('one', 'x')
    clock.advance(1_000)
    expect([one.ready, two.ready]).toEqual([0, 0])
  })

  it('leads dead letters through a long row of queues', () => {
    const { queue, send } = aHost()
    const count = 100
    for (let n = 0; n < count; n++) {
      queue(`q${n}`, { 'x-max-length': 0, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `q${n + 1}` })
    }
    const last = queue(`q${count}`)
    send('q0', 'x')
    expect(last.ready).toBe(1)
  })

  it('routes over exchanges that are bound in a circle once', () => {
    const { host, queue } = aHost()
    for (const name of ['one', 'two']) {
      host.declareExchange({ name, type: 'fanout', durable: false, autoDelete: false, internal: false, arguments: {} })
    }
    const link = (source: string, name: string) =>
      host.bind({ source, destination: { kind: 'exchange', name }, routingKey: '', arguments: {} }, OWNER)
    link('one', 'two')
    link('two', 'one')
    const work = queue('work')
    for (const source of ['one', 'two']) {
      host.bind({ source, destination: { kind: 'queue', name: 'work' }, routingKey: '', arguments: {} }, OWNER)
    }
    expect(host.publish(aMessage('one', 'k', 'x'))).toEqual({ queues: 1, accepted: true })
    expect(work.ready).toBe(1)
  })

  it('sends what matches no binding to the alternate exchange', () => {
    const { host, queue } = aHost()
    const args = { 'alternate-exchange': 'amq.fanout' }
    host.declareExchange({
      name: 'x',
      type: 'direct',
      durable: false,
      autoDelete: false,
      internal: false,
      arguments: args,
    })
    const rest = queue('rest')
    host.bind(
      { source: 'amq.fanout', destination: { kind: 'queue', name: 'rest' }, routingKey: '', arguments: {} },
      OWNER,
    )
    expect(host.publish(aMessage('x', 'unknown', 'x')).queues).toBe(1)
    expect(rest.ready).toBe(1)
  })

  it('copies to the queues that CC and BCC name, and shows nobody the BCC', () => {
    const { host, queue } = aHost()
    const queues = ['to', 'copy', 'hidden'].map((name) => queue(name))
    const headers = Buffer.from('\x02CCA\0\0\0\x09S\0\0\0\x04copy\x03BCCA\0\0\0\x0bS\0\0\0\x06hidden', 'latin1')
    host.publish(createMessage({ exchange: '', routingKey: 'to', properties: {}, headers, body: Buffer.from('x') }))
    expect(queues.map(({ ready }) => ready)).toEqual([1, 1, 1])
    expect(Object.keys(headersOf(queues[2]?.take()?.message as Message))).toEqual(['CC'])
  })

  it('deletes an exchange that deletes itself with its last binding', () => {
    const { host, queue } = aHost()
    host.declareExchange({
      name: 'x',
      type: 'direct',
      durable: false,
      autoDelete: true,
      internal: false,
      arguments: {},
    })
    queue('work')
    const binding = {
      source: 'x',
      destination: { kind: 'queue' as const, name: 'work' },
      routingKey: 'k',
      arguments: {},
    }
    host.bind(binding, OWNER)
    host.bind(binding, OWNER)
    host.unbind(binding, OWNER)
    expect(() => host.exchange('x')).toThrow("no exchange 'x' in vhost '/'")
  })

  it('serves one consumer at a time where the queue wants that', () => {
    const { host, queue, send } = aHost()
    queue('work', { 'x-single-active-consumer': true })
    const got: string[][] = [[], []]
    const channels = got.map((list) => new ServerChannel(host, OWNER, aClient(list)))
    for (const channel of channels) channel.consume({ ...CONSUME, queue: 'work', noAck: true }).start()
    send('work', '1')
    send('work', '2')
    channels[0]?.close()
    send('work', '3')
    expect(got).toEqual([['1', '2'], ['3']])
  })

  it('acknowledges many at once, and refuses a tag that it never gave', () => {
    const { host, queue, send } = aHost()
    const work = queue('work')
    const channel = new ServerChannel(host, OWNER, aClient())
    for (const text of ['1', '2', '3', '4']) send('work', text)
    for (let n = 0; n < 4; n++) channel.get('work', { noAck: false })
    channel.ack(2, true)
    expect(() => channel.ack(2, true)).toThrow('unknown delivery tag 2')
    channel.nack(0, { multiple: true, requeue: true })
    expect(bodies(work)).toEqual(['3', '4'])
  })

  it('counts what it holds, ready and in hand, until it is gone', () => {
    const held: number[] = []
    const host = new VirtualHost('/', { onHeld: (bytes) => held.push(bytes) })
    const total = () => held.reduce((sum, bytes) => sum + bytes, 0)
    for (const name of ['one', 'two']) host.declareQueue({ ...DECLARE, name, arguments: { 'x-max-length': 3 } }, OWNER)
    for (let n = 0; n < 5; n++) for (const name of ['one', 'two']) host.publish(aMessage('', name, '1234567890'))
    const each = total() / 6
    expect(each).toBeGreaterThan(500)
    const channel = new ServerChannel(host, OWNER, aClient())
    channel.get('one', { noAck: true })
    const got = channel.get('one', { noAck: false })
    channel.get('two', { noAck: false })
    expect(total()).toBe(5 * each)
    channel.ack(got?.handout.deliveryTag ?? 0, false)
    expect(total()).toBe(4 * each)
    channel.purge('one')
    expect(total()).toBe(3 * each)
    host.deleteQueue('two', OWNER, { ifUnused: false, ifEmpty: false })
    expect(total()).toBe(0)
    channel.close()
    expect(total()).toBe(0)
  })

  it('counts headers and properties of messages', () => {
    let held = 0
    const host = new VirtualHost('/', {
      onHeld: (bytes) => {
        held += bytes
      },
    })
    host.declareQueue({ ...DECLARE, name: 'q', arguments: {} }, OWNER)
    const properties = { correlationId: 'x'.repeat(200), messageId: 'x'.repeat(200) }
    host.publish({ ...aMessage('', 'q', ''), headers: new Uint8Array(100_000), properties })
    expect(held).toBeGreaterThan(100_400)
    expect(held).toBeLessThan(103_000)
  })

  it('refuses with the code and the words of RabbitMQ', () => {
    const { host } = aHost()
    const refusal = (() => {
      try {
        return host.queue('nowhere', OWNER)
      } catch (error) {
        return error as Refusal
      }
    })()
    expect(refusal).toMatchObject({ code: 404, message: "NOT_FOUND - no queue 'nowhere' in vhost '/'" })
  })
})

const OWNER = {}
const TO_DEAD = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
const DECLARE = { durable: true, exclusive: false, autoDelete: false }
const CONSUME = { consumerTag: '', noAck: false, exclusive: false, arguments: {} }

function aHost() {
  const clock = new ManualClock()
  const host = new VirtualHost('/', { clock })
  return {
    clock,
    host,
    queue: (name: string, args: Headers = {}) => host.declareQueue({ ...DECLARE, name, arguments: args }, OWNER),
    send: (queue: string, text: string, properties: Properties = {}) =>
      host.publish(aMessage('', queue, text, properties)),
    /** The bodies that a consumer of the queue gets. */
    consumer: (queue: string, { prefetch = 0 } = {}) => {
      const got: string[] = []
      const channel = new ServerChannel(host, OWNER, aClient(got))
      channel.qos(prefetch, 'consumer')
      channel.consume({ ...CONSUME, queue }).start()
      return got
    },
  }
}

function aMessage(exchange: string, routingKey: string, text: string, properties: Properties = {}): Message {
  return createMessage({ exchange, routingKey, properties, headers: undefined, body: Buffer.from(text) })
}

function aClient(got: string[] = []) {
  return {
    ready: true,
    deliver: (_tag: string, { message }: { message: Message }) => void got.push(Buffer.from(message.body).toString()),
    consumerCancelled: () => {},
    returned: () => {},
    confirmed: () => {},
  }
}

function bodies(queue: Queue): string[] {
  const all: string[] = []
  for (let entry = queue.take(); entry !== undefined; entry = queue.take()) {
    all.push(Buffer.from(entry.message.body).toString())
  }
  return all
}
