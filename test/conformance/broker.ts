import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Broker, Channel, Connection, QueueSpec } from '../../src/broker/broker.ts'
import { type ErrorCode, TwqError } from '../../src/errors.ts'
import { encodeTable } from '../../src/protocol/headers/encode-field-table.ts'
import type { WireMessage } from '../../src/protocol/wire.ts'
import { type BrokerFacts, factsOf } from '../support/broker-facts.ts'
import { Inbox, textOf } from './inbox.ts'

/**
 * What every broker behind the seam must do: RabbitMQ through amqplib, the embedded server through amqplib, and the
 * in-process double. The expectations are RabbitMQ's behaviour, of 3.10 unless other facts are given: the latter two behave
 * as that one does.
 */
export function describeBroker(
  name: string,
  open: () => Promise<{ broker: Broker; close?: () => Promise<void> }>,
  facts: BrokerFacts = factsOf('3.10.8'),
): void {
  describe(name, () => {
    let opened: Awaited<ReturnType<typeof open>>
    let connection: Connection
    let channel: Channel

    beforeEach(async () => {
      opened = await open()
      connection = await opened.broker.connect()
      channel = await connection.openChannel()
    })
    afterEach(async () => {
      await connection[Symbol.asyncDispose]()
      await opened.close?.()
    })

    const aQueue = async (over: Partial<QueueSpec> = {}): Promise<string> => {
      const spec = { name: unique('queue'), durable: false, autoDelete: false, exclusive: true, ...over }
      return (await channel.declareQueue(spec)).name
    }
    const aQuorumQueue = (args: Record<string, unknown> = {}): Promise<string> =>
      aQueue({
        durable: true,
        exclusive: false,
        arguments: { 'x-queue-type': 'quorum', 'x-expires': 60_000, ...args },
      })
    const anExchange = async (type: 'direct' | 'topic' | 'fanout' | 'headers'): Promise<string> => {
      const spec = { name: unique('exchange'), type, durable: false, autoDelete: true }
      await channel.declareExchange(spec)
      return spec.name
    }
    const send = (queue: string, text: string, over: Partial<WireMessage> = {}) =>
      channel.publish({ exchange: '', routingKey: queue }, aMessage(text, over))
    const ready = async (queue: string): Promise<number> => (await channel.inspectQueue(queue)).messages

    describe('messages', () => {
      it('arrive as they were sent', async () => {
        const queue = await aQueue()
        const message = aMessage('hello', {
          properties: {
            contentType: 'application/json',
            contentEncoding: 'utf-8',
            deliveryMode: 2,
            priority: 3,
            correlationId: 'c',
            replyTo: 'r',
            messageId: 'm',
            timestamp: 1_700_000_000,
            type: 't',
            appId: 'a',
          },
          headers: {
            task: 'add',
            retries: 300,
            big: 2 ** 40,
            nothing: null,
            list: [300, null, 'x'],
            table: { a: true },
          },
        })
        await channel.publish({ exchange: '', routingKey: queue }, message)
        const inbox = await Inbox.of(channel, queue)
        const delivery = await inbox.next()
        expect(delivery.route).toEqual({ exchange: '', routingKey: queue })
        expect(delivery.properties).toMatchObject(message.properties)
        expect(JSON.parse(JSON.stringify(delivery.headers))).toEqual(message.headers)
        expect(textOf(delivery)).toBe('hello')
        expect(delivery.redelivered).toBe(false)
        expect(delivery.alive).toBe(true)
      })

      it(`keep the ${facts.keepsHeaderBytes ? 'bytes' : 'values'} of their header table`, async () => {
        const queue = await aQueue()
        const rawHeaders = Buffer.from('\x01aL\0\0\x01\0\0\0\0\0\x01bs\x01\x2c\x01cB\xff', 'latin1')
        await send(queue, '', { rawHeaders })
        const delivery = await (await Inbox.of(channel, queue)).next()
        if (facts.keepsHeaderBytes) {
          expect(Buffer.from(delivery.rawHeaders ?? []).toString('hex')).toBe(rawHeaders.toString('hex'))
        }
        expect({ ...delivery.headers }).toEqual({ a: 2 ** 40, b: 300, c: 255 })
      })

      it.each([30_000, 65_000, 70_000, 120_000, 131_000])('carry headers of %i bytes', async (size) => {
        const queue = await aQueue()
        const rawHeaders = encodeTable({ task: 'add', x: 'y'.repeat(size) })
        const properties = {
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          correlationId: 'c',
          priority: 1,
        }
        await send(queue, 'raw', { properties, rawHeaders })
        await send(queue, 'decoded', { headers: { task: 'add', x: 'z'.repeat(size) } })
        const inbox = await Inbox.of(channel, queue)
        const raw = await inbox.next()
        expect(Buffer.compare(Buffer.from(raw.rawHeaders ?? []), rawHeaders)).toBe(0)
        expect(raw.properties).toMatchObject(properties)
        expect(textOf(raw)).toBe('raw')
        const decoded = await inbox.next()
        expect(decoded.headers).toMatchObject({ task: 'add', x: 'z'.repeat(size) })
        expect(textOf(decoded)).toBe('decoded')
      })

      it('are refused where no frame holds their headers, and the channel goes on', async () => {
        const queue = await aQueue()
        const rawHeaders = encodeTable({ x: 'y'.repeat(131_060) })
        const headers = { x: 'y'.repeat(131_060) }
        await expect(send(queue, '', { rawHeaders })).rejects.toMatchObject({ code: 'TWQ_UNSERIALISABLE' })
        await expect(send(queue, '', { headers })).rejects.toMatchObject({ code: 'TWQ_UNSERIALISABLE' })
        await send(queue, 'next')
        expect(textOf(await (await Inbox.of(channel, queue)).next())).toBe('next')
      })

      it('may be empty', async () => {
        const queue = await aQueue()
        await send(queue, '')
        expect((await (await Inbox.of(channel, queue)).next()).body.length).toBe(0)
      })

      it('may be many frames long', async () => {
        const queue = await aQueue()
        const body = Buffer.alloc(1_000_000, 'abcdefg')
        await channel.publish({ exchange: '', routingKey: queue }, { properties: {}, headers: {}, body })
        const delivery = await (await Inbox.of(channel, queue)).next()
        expect(Buffer.compare(Buffer.from(delivery.body), body)).toBe(0)
      })

      it('come in the order in which they were sent', async () => {
        const queue = await aQueue()
        await Promise.all(numbers(200).map((n) => send(queue, n)))
        const inbox = await Inbox.of(channel, queue)
        expect((await inbox.nextOnes(200)).map(textOf)).toEqual(numbers(200))
      })
    })

    describe('a publish', () => {
      it('is confirmed when it reached a queue, and also when it reached none', async () => {
        expect(await send(await aQueue(), 'x')).toBe('confirmed')
        expect(await send(unique('nowhere'), 'x')).toBe('confirmed')
      })

      it('is returned when it is mandatory and reached no queue', async () => {
        const route = { exchange: '', routingKey: unique('nowhere') }
        expect(await channel.publish(route, aMessage('x'), { mandatory: true })).toBe('returned')
        const known = { exchange: '', routingKey: await aQueue() }
        expect(await channel.publish(known, aMessage('x'), { mandatory: true })).toBe('confirmed')
      })

      it('to a missing exchange closes the channel', async () => {
        const route = { exchange: unique('nowhere'), routingKey: 'k' }
        await expect(channel.publish(route, aMessage('x'))).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
        expect(await channel.closed).toMatchObject({ kind: 'lost' })
        expect(channel.isOpen).toBe(false)
        await expect(send('q', 'x')).rejects.toSatisfy((error) => TwqError.is(error))
      })

      it('is refused by a full queue that rejects', async () => {
        const queue = await aQueue({ arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
        expect(await send(queue, '1')).toBe('confirmed')
        await expect(send(queue, '2')).rejects.toSatisfy(is('TWQ_PUBLISH_REFUSED'))
        expect(channel.isOpen).toBe(true)
      })

      it('tells a listener what it would resolve or reject with, and not before it returns', async () => {
        const post = (exchange: string, routingKey: string, over: Partial<WireMessage> = {}) =>
          new Promise((resolve) => {
            let returned = false
            const tell = (what: unknown) => resolve(returned ? what : 'told too early')
            const listener = { confirmed: tell, refused: tell }
            channel.post({ exchange, routingKey }, aMessage('x', over), { mandatory: true }, listener)
            returned = true
          })
        const queue = await aQueue({ arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
        expect(await post('', queue)).toBe('confirmed')
        expect(await post('', queue)).toMatchObject({ code: 'TWQ_PUBLISH_REFUSED' })
        expect(await post('', unique('nowhere'))).toBe('returned')
        const large = { x: 'x'.repeat(200_000) }
        expect(await post('', queue, { headers: large })).toMatchObject({ code: 'TWQ_UNSERIALISABLE' })
        expect(await post(unique('nowhere'), 'k')).toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
        expect(await post('', queue)).toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
      })
    })

    describe('queues', () => {
      it('say how many messages and consumers they have', async () => {
        const queue = await aQueue()
        await send(queue, '1')
        await send(queue, '2')
        expect(await channel.inspectQueue(queue)).toEqual({ name: queue, messages: 2, consumers: 0 })
        const inbox = await Inbox.of(channel, queue)
        await inbox.nextOnes(2)
        expect(await channel.inspectQueue(queue)).toEqual({ name: queue, messages: 0, consumers: 1 })
      })

      it('get a name from the broker when they have none', async () => {
        const queue = await aQueue({ name: '' })
        expect(queue).toMatch(/^amq\.gen-/)
        expect(await send(queue, 'x')).toBe('confirmed')
      })

      it('may be declared again alike, and not otherwise', async () => {
        const spec = {
          name: unique('queue'),
          durable: true,
          arguments: { 'x-expires': 60_000, 'x-message-ttl': 5_000 },
        }
        await channel.declareQueue(spec)
        await channel.declareQueue(spec)
        const different = { ...spec, arguments: { 'x-expires': 60_000, 'x-message-ttl': 6_000 } }
        await expect(channel.declareQueue(different)).rejects.toSatisfy(is('TWQ_QUEUE_MISMATCH'))
        expect(channel.isOpen).toBe(false)
      })

      it('that are missing are said to be', async () => {
        await expect(channel.inspectQueue(unique('nowhere'))).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
        await channel.closed
        expect(channel.isOpen).toBe(false)
      })

      it('that are exclusive belong to their connection and end with it', async () => {
        const other = await opened.broker.connect()
        const others = await other.openChannel()
        const { name: queue } = await others.declareQueue({ name: unique('queue'), durable: false, exclusive: true })
        await expect(channel.inspectQueue(queue)).rejects.toSatisfy(is('TWQ_QUEUE_LOCKED'))
        await other[Symbol.asyncDispose]()
        channel = await connection.openChannel()
        await expect(channel.inspectQueue(queue)).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
      })

      it('that delete themselves go with their last consumer', async () => {
        const queue = await aQueue({ autoDelete: true, exclusive: false })
        const inbox = await Inbox.of(channel, queue)
        await inbox.subscription.cancel()
        await expect(channel.inspectQueue(queue)).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
      })

      it('are deleted only if empty or unused, where that is asked for', async () => {
        const queue = await aQueue({ exclusive: false })
        await send(queue, '1')
        await expect(channel.deleteQueue(queue, { ifEmpty: true })).rejects.toSatisfy(is('TWQ_CHANNEL_CLOSED'))
        channel = await connection.openChannel()
        await Inbox.of(channel, queue)
        await expect(channel.deleteQueue(queue, { ifUnused: true })).rejects.toSatisfy(is('TWQ_CHANNEL_CLOSED'))
        channel = await connection.openChannel()
        expect(await channel.deleteQueue(queue)).toBe(1)
      })

      it('are purged of what is ready, not of what somebody holds', async () => {
        const queue = await aQueue()
        for (const text of numbers(3)) await send(queue, text)
        const held = await channel.get(queue)
        expect(await channel.purgeQueue(queue)).toBe(2)
        held?.nack({ requeue: true })
        const left = await channel.get(queue)
        expect(left && textOf(left)).toBe('0')
      })

      it('give one message at a time, and get it back in its place', async () => {
        const queue = await aQueue()
        expect(await channel.get(queue)).toBeUndefined()
        for (const text of numbers(3)) await send(queue, text)
        const [first, second] = [await channel.get(queue), await channel.get(queue)]
        expect([first, second].map((delivery) => delivery && textOf(delivery))).toEqual(['0', '1'])
        expect(first?.redelivered).toBe(false)
        first?.ack()
        await channel[Symbol.asyncDispose]()
        channel = await connection.openChannel()
        // RabbitMQ may answer the close before the queue has heard of it: a get, unlike a consumer, is not waited for.
        await expect.poll(() => ready(queue)).toBe(2)
        const again = await channel.get(queue)
        expect(again && textOf(again)).toBe('1')
        expect(again?.redelivered).toBe(true)
      })

      it('that are deleted tell their consumers', async () => {
        const queue = await aQueue()
        await new Promise<void>((resolve, reject) => {
          channel
            .consume(queue, () => {}, { onCancelled: () => resolve() })
            .then(() => channel.deleteQueue(queue), reject)
        })
        expect(channel.isOpen).toBe(true)
      })

      it('drop the oldest beyond their length', async () => {
        const queue = await aQueue({ arguments: { 'x-max-length': 2 } })
        for (const n of numbers(4)) await send(queue, n)
        const inbox = await Inbox.of(channel, queue)
        expect((await inbox.nextOnes(2)).map(textOf)).toEqual(['2', '3'])
      })

      it('give out higher priorities first', async () => {
        const queue = await aQueue({ arguments: { 'x-max-priority': 5 } })
        for (const priority of [1, 5, 0, 9, 3]) await send(queue, String(priority), { properties: { priority } })
        const inbox = await Inbox.of(channel, queue)
        expect((await inbox.nextOnes(5)).map(textOf)).toEqual(['5', '9', '3', '1', '0'])
      })
    })

    describe('requests that go out together', () => {
      it('are taken in their order', async () => {
        const [queue, inbox] = [unique('queue'), new Inbox()]
        const source = await anExchange('direct')
        const [declared] = await Promise.all([
          channel.declareQueue({ name: queue, durable: false, autoDelete: false, exclusive: true }),
          channel.bind(queue, source, 'key'),
          channel.consume(queue, (delivery) => inbox.take(delivery)),
          channel.publish({ exchange: source, routingKey: 'key' }, aMessage('hello'), { mandatory: true }),
        ])
        expect(declared.name).toBe(queue)
        expect(textOf(await inbox.next())).toBe('hello')
      })

      it('each get their own answer', async () => {
        const [empty, full] = [await aQueue(), await aQueue()]
        await send(full, 'one')
        const [first, second, none] = await Promise.all([
          channel.inspectQueue(empty),
          channel.inspectQueue(full),
          channel.get(empty),
        ])
        expect([first.messages, second.messages, none]).toEqual([0, 1, undefined])
      })

      it('get their own answers also where a quorum queue takes its time', async () => {
        const queue = await aQuorumQueue()
        await send(queue, 'one')
        const inbox = new Inbox()
        const [subscription, status] = await Promise.all([
          channel.consume(queue, (delivery) => inbox.take(delivery)),
          channel.inspectQueue(queue),
          channel.prefetch(5, 'consumer'),
        ])
        const delivery = await inbox.next()
        expect([status.name, textOf(delivery)]).toEqual([queue, 'one'])
        delivery.ack()
        const [, after] = await Promise.all([subscription.cancel(), channel.inspectQueue(queue)])
        expect(after.name).toBe(queue)
        expect(await channel.deleteQueue(queue)).toBe(0)
      })

      it('are all rejected after one that is refused, and not done', async () => {
        const [queue, missing] = [unique('queue'), unique('missing')]
        const [refused, ...others] = await Promise.allSettled([
          channel.inspectQueue(missing),
          channel.declareQueue({ name: queue, durable: false, exclusive: true }),
          channel.bind(queue, 'amq.direct', 'key'),
        ])
        expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'TWQ_QUEUE_MISSING' } })
        for (const other of others) expect(other).toMatchObject({ status: 'rejected', reason: { name: 'TwqError' } })
        channel = await connection.openChannel()
        await expect(channel.inspectQueue(queue)).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
      })
    })

    describe('exchanges', () => {
      const routes = async (
        type: 'direct' | 'topic' | 'fanout' | 'headers',
        bindings: { key?: string; args?: Record<string, unknown> }[],
        message: { key?: string; headers?: WireMessage['headers'] },
      ): Promise<number[]> => {
        const exchange = await anExchange(type)
        const queues: string[] = []
        for (const { key = '', args } of bindings) {
          const queue = await aQueue()
          queues.push(queue)
          await channel.bind(queue, exchange, key, args)
        }
        await channel.publish(
          { exchange, routingKey: message.key ?? '' },
          aMessage('x', { headers: message.headers ?? {} }),
        )
        const counts = await Promise.all(queues.map(ready))
        return counts.flatMap((count, index) => (count === 1 ? [index] : []))
      }

      it('of type direct compare the key', async () => {
        expect(await routes('direct', [{ key: 'a' }, { key: 'b' }, { key: 'a' }], { key: 'a' })).toEqual([0, 2])
      })

      it('of type fanout send to all', async () => {
        expect(await routes('fanout', [{ key: 'a' }, {}], { key: 'whatever' })).toEqual([0, 1])
      })

      it('of type topic know words and wildcards', async () => {
        const keys = ['#', '*', 'a.*', 'a.#', '#.c', '*.b.*', 'a.b.c', 'a.b', '#.b.#', '*.*']
        expect(
          await routes(
            'topic',
            keys.map((key) => ({ key })),
            { key: 'a.b.c' },
          ),
        ).toEqual([0, 3, 4, 5, 6, 8])
      })

      it('of type headers compare all or any', async () => {
        const bindings = [
          { args: { 'x-match': 'all', a: 1, b: 'x' } },
          { args: { 'x-match': 'all', a: 1, b: 'y' } },
          { args: { 'x-match': 'any', a: 2, b: 'x' } },
          { args: { 'x-match': 'any', a: 2, b: 'y' } },
          { args: {} },
        ]
        expect(await routes('headers', bindings, { headers: { a: 1, b: 'x', c: true } })).toEqual([0, 2, 4])
      })

      it('can be declared again alike, and not otherwise', async () => {
        const exchange = await anExchange('direct')
        await channel.declareExchange({ name: exchange, type: 'direct', durable: false, autoDelete: true })
        const other = { name: exchange, type: 'topic' as const, durable: false, autoDelete: true }
        await expect(channel.declareExchange(other)).rejects.toSatisfy(is('TWQ_QUEUE_MISMATCH'))
      })

      it('must exist to be bound to', async () => {
        await expect(channel.bind(await aQueue(), unique('nowhere'), 'k')).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
      })
    })

    describe('consumers', () => {
      it('hold at most their prefetch', async () => {
        const queue = await aQueue()
        for (const n of numbers(5)) await send(queue, n)
        await channel.prefetch(2, 'consumer')
        const inbox = await Inbox.of(channel, queue)
        const [first] = await inbox.nextOnes(2)
        expect(await ready(queue)).toBe(3)
        expect(first?.ack()).toBe(true)
        expect(textOf(await inbox.next())).toBe('2')
        expect(await ready(queue)).toBe(2)
      })

      it('share the prefetch of their channel, which can be raised while they run, or each have it', async () => {
        const [one, two] = [await aQueue(), await aQueue()]
        for (const n of numbers(3)) await Promise.all([send(one, n), send(two, n)])
        await channel.prefetch(2, 'channel')
        const inbox = new Inbox()
        await channel.consume(one, (delivery) => inbox.take(delivery))
        await channel.consume(two, (delivery) => inbox.take(delivery))
        if (!facts.channelPrefetch) {
          await inbox.nextOnes(4)
          expect((await ready(one)) + (await ready(two))).toBe(2)
          return
        }
        await inbox.nextOnes(2)
        expect((await ready(one)) + (await ready(two))).toBe(4)
        await channel.prefetch(5, 'channel')
        await inbox.nextOnes(3)
        expect((await ready(one)) + (await ready(two))).toBe(1)
      })

      it('take turns', async () => {
        const queue = await aQueue()
        const [one, two] = [await Inbox.of(channel, queue), await Inbox.of(channel, queue)]
        for (const n of numbers(6)) await send(queue, n)
        expect((await one.nextOnes(3)).map(textOf)).toEqual(['0', '2', '4'])
        expect((await two.nextOnes(3)).map(textOf)).toEqual(['1', '3', '5'])
      })

      it('of higher priority are served first while they have room', async () => {
        const queue = await aQueue()
        await channel.prefetch(2, 'consumer')
        const low = await Inbox.of(channel, queue, { priority: 1 })
        const high = await Inbox.of(channel, queue, { priority: 10 })
        for (const n of numbers(3)) await send(queue, n)
        expect((await high.nextOnes(2)).map(textOf)).toEqual(['0', '1'])
        expect(textOf(await low.next())).toBe('2')
      })

      it('may ask to be alone', async () => {
        const queue = await aQueue()
        await Inbox.of(channel, queue, { exclusive: true })
        const other = await connection.openChannel()
        await expect(Inbox.of(other, queue)).rejects.toSatisfy(is('TWQ_QUEUE_LOCKED'))
      })

      it('without acknowledgements leave nothing behind', async () => {
        const queue = await aQueue()
        const inbox = await Inbox.of(channel, queue, { noAck: true })
        await send(queue, 'x')
        await inbox.next()
        await channel[Symbol.asyncDispose]()
        channel = await connection.openChannel()
        expect(await ready(queue)).toBe(0)
      })

      it('can be cancelled, and keep what they have in hand', async () => {
        const queue = await aQueue()
        const inbox = await Inbox.of(channel, queue)
        await send(queue, '1')
        const delivery = await inbox.next()
        await inbox.subscription.cancel()
        await send(queue, '2')
        expect(await ready(queue)).toBe(1)
        expect(delivery.ack()).toBe(true)
      })

      it('can be cancelled once they have as many as they may, which holding answers back brings about', async () => {
        const queue = await aQueue()
        await channel.prefetch(3, 'consumer')
        const inbox = await Inbox.of(channel, queue)
        for (const n of numbers(2)) await send(queue, n)
        const [first, second] = await inbox.nextOnes(2)
        const cancelled = inbox.subscription.cancelExhausted(new AbortController().signal)
        expect(first?.ack()).toBe(true)
        expect(first?.ack()).toBe(false)
        await send(queue, '2')
        expect(await cancelled).toBe(true)
        await send(queue, '3')
        expect([second?.ack(), second?.nack({ requeue: true })]).toEqual([true, false])
        // The broker has carried out what was held back: nothing is redelivered but what nobody has answered.
        const left = await ready(queue)
        await channel[Symbol.asyncDispose]()
        channel = await connection.openChannel()
        expect((await ready(queue)) - left).toBe(inbox.waiting)
      })

      it('need a queue', async () => {
        await expect(Inbox.of(channel, unique('nowhere'))).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
      })
    })

    describe('deliveries', () => {
      it('that are given back come again, marked, in their old order', async () => {
        const queue = await aQueue()
        for (const n of numbers(5)) await send(queue, n)
        const inbox = await Inbox.of(channel, queue)
        const deliveries = await inbox.nextOnes(5)
        await inbox.subscription.cancel()
        for (const index of [3, 1]) expect(deliveries[index]?.nack({ requeue: true })).toBe(true)
        deliveries[0]?.ack()
        await channel[Symbol.asyncDispose]()
        channel = await connection.openChannel()
        const again = await (await Inbox.of(channel, queue)).nextOnes(4)
        expect(again.map(textOf)).toEqual(['1', '2', '3', '4'])
        expect(again.every((delivery) => delivery.redelivered)).toBe(true)
      })

      it('come back when their connection is cut, and can no longer be settled there', async () => {
        const queue = await aQueue({ exclusive: false, arguments: { 'x-expires': 60_000 } })
        const other = await opened.broker.connect()
        const inbox = await Inbox.of(await other.openChannel(), queue)
        await send(queue, 'x')
        const delivery = await inbox.next()
        other.destroy(new Error('cut'))
        expect(await other.closed).toMatchObject({ kind: 'lost' })
        expect(delivery.alive).toBe(false)
        expect(delivery.ack()).toBe(false)
        const again = await (await Inbox.of(channel, queue)).next()
        expect([textOf(again), again.redelivered]).toEqual(['x', true])
      })

      it('are settled once', async () => {
        const queue = await aQueue()
        const inbox = await Inbox.of(channel, queue)
        await send(queue, 'x')
        const delivery = await inbox.next()
        expect(delivery.ack()).toBe(true)
        expect(delivery.ack()).toBe(false)
        expect(delivery.nack({ requeue: true })).toBe(false)
        expect(channel.isOpen).toBe(true)
      })

      it('from quorum queues count how often they came back, and end at the delivery limit', async () => {
        const dead = await aQueue()
        const queue = await aQuorumQueue({
          'x-delivery-limit': 2,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': dead,
        })
        await send(queue, 'x')
        let inbox = await Inbox.of(channel, queue)
        const backWithItsChannel = async () => {
          await channel[Symbol.asyncDispose]()
          channel = await connection.openChannel()
          return Inbox.of(channel, queue)
        }
        const counts: unknown[] = []
        for (let turn = 0; turn < 3; turn++) {
          const delivery = await inbox.next()
          counts.push([delivery.redelivered, delivery.headers['x-delivery-count']])
          if (facts.nackCounts) delivery.nack({ requeue: true })
          else inbox = await backWithItsChannel()
        }
        expect(counts).toEqual([
          [false, undefined],
          [true, 1],
          [true, 2],
        ])
        const letter = await (await Inbox.of(channel, dead)).next()
        expect(letter.headers['x-first-death-reason']).toBe('delivery_limit')
      })
    })

    describe('dead letters', () => {
      const deathsOf = (headers: WireMessage['headers']): Record<string, unknown>[] =>
        (headers['x-death'] as Record<string, unknown>[]).map((death) => ({ ...death, time: typeof death.time }))

      it('are what was refused, with the story of it', async () => {
        const dead = await aQueue()
        const exchange = await anExchange('fanout')
        await channel.bind(dead, exchange, '')
        const queue = await aQueue({ arguments: { 'x-dead-letter-exchange': exchange } })
        const inbox = await Inbox.of(channel, queue)
        await send(queue, 'x', { headers: { mine: 300 } })
        ;(await inbox.next()).nack({ requeue: false })
        const letter = await (await Inbox.of(channel, dead)).next()
        expect(letter.route).toEqual({ exchange, routingKey: queue })
        expect(letter.headers).toMatchObject({
          mine: 300,
          'x-first-death-exchange': '',
          'x-first-death-queue': queue,
          'x-first-death-reason': 'rejected',
        })
        expect(deathsOf(letter.headers)).toEqual([
          { count: 1, exchange: '', queue, reason: 'rejected', 'routing-keys': [queue], time: 'number' },
        ])
      })

      it('are what waited too long, by the queue or by its own wish', async () => {
        const dead = await aQueue()
        const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
        const impatient = await aQueue({ arguments: { ...toDead, 'x-message-ttl': 20 } })
        const patient = await aQueue({ arguments: toDead })
        const letters = await Inbox.of(channel, dead)
        await send(impatient, '1')
        expect((await letters.next()).headers['x-first-death-reason']).toBe('expired')
        await send(patient, '2', { properties: { expiration: '20' } })
        const letter = await letters.next()
        expect(letter.properties.expiration).toBeUndefined()
        expect(deathsOf(letter.headers)).toEqual([
          {
            count: 1,
            exchange: '',
            'original-expiration': '20',
            queue: patient,
            reason: 'expired',
            'routing-keys': [patient],
            time: 'number',
          },
        ])
      })

      it('are what a queue had no room for', async () => {
        const dead = await aQueue()
        const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
        const queue = await aQueue({ arguments: { ...toDead, 'x-max-length': 1 } })
        await send(queue, '1')
        await send(queue, '2')
        const letter = await (await Inbox.of(channel, dead)).next()
        expect([textOf(letter), letter.headers['x-first-death-reason']]).toEqual(['1', 'maxlen'])
      })

      it('count the turns they take', async () => {
        const waiting = unique('waiting')
        const work = await aQueue({
          arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': waiting },
        })
        const toWork = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work, 'x-message-ttl': 10 }
        await aQueue({ name: waiting, arguments: toWork })
        const inbox = await Inbox.of(channel, work)
        await send(work, 'x')
        for (let turn = 0; turn < 2; turn++) (await inbox.next()).nack({ requeue: false })
        const delivery = await inbox.next()
        expect(deathsOf(delivery.headers).map(({ queue, reason, count }) => [queue, reason, count])).toEqual([
          [waiting, 'expired', 2],
          [work, 'rejected', 2],
        ])
      })
    })

    describe('a connection', () => {
      it('says who answers', () => {
        expect(connection.server).toMatchObject({ product: 'RabbitMQ', frameMax: 131_072 })
        expect(connection.blocked).toBeUndefined()
      })

      it('closes when asked, with its channels', async () => {
        const other = await opened.broker.connect()
        const others = await other.openChannel()
        await other[Symbol.asyncDispose]()
        expect(await other.closed).toEqual({ kind: 'requested' })
        await others.closed
        expect(others.isOpen).toBe(false)
        await expect(other.openChannel()).rejects.toSatisfy((error) => TwqError.is(error))
        await expect(others.declareQueue({ name: 'q', durable: false })).rejects.toSatisfy((error) =>
          TwqError.is(error),
        )
      })

      it('outlives a channel that the broker closed', async () => {
        await expect(channel.inspectQueue(unique('nowhere'))).rejects.toSatisfy(is('TWQ_QUEUE_MISSING'))
        channel = await connection.openChannel()
        expect(await send(await aQueue(), 'x')).toBe('confirmed')
      })
    })
  })
}

function aMessage(text: string, over: Partial<WireMessage> = {}): WireMessage {
  return { properties: {}, headers: {}, body: Buffer.from(text), ...over }
}

const unique = (prefix: string): string => `conformance-${prefix}-${randomUUID().slice(0, 8)}`
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))
const is =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    TwqError.is(error, code)
