import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel, Delivery } from '../../src/broker/broker.ts'
import { createPublisher } from '../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../src/broker/session.ts'
import { type Client, type ClientOptions, createClient } from '../../src/client/create-client.ts'
import { TwqError } from '../../src/errors.ts'
import { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import { ReplyQueue } from '../../src/results/rpc/reply-queue.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { DeclaredQueues } from '../../src/sending/declared-queues.ts'
import { createRouter } from '../../src/sending/router.ts'
import { createSender } from '../../src/sending/sender.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aTaskMessage } from '../support/a-task-message.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { queueOnce } from '../support/raw-broker.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../support/services.ts'

const aClient = (over: Partial<ClientOptions> = {}): Client =>
  createClient({ broker: brokerUrl(), queue: uniqueName('client'), ...over })

/** Lends a channel that no client knows of. */
const withChannel = async <T>(use: (channel: Channel) => Promise<T>): Promise<T> => {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  await using channel = await connection.openChannel()
  return await use(channel)
}

/** Breaks every connection, and every new one until the proxy heals. */
const takeAway = (proxy: FaultProxy): void => {
  proxy.refuse()
  proxy.reset()
}

const depthOf = async (queue: string): Promise<number> =>
  (await withChannel((channel) => channel.inspectQueue(queue))).messages

describe('a client of a Python worker', () => {
  const queue = uniqueName('python')
  let worker: Program
  let client: Client

  beforeAll(async () => {
    worker = await startCeleryWorker({ broker: brokerUrl(), queue })
    client = createClient({ broker: brokerUrl(), queue })
  })

  afterAll(async () => {
    await client.close()
    await worker[Symbol.asyncDispose]()
  })

  it('gets the value, with positional and with named arguments', async () => {
    expect(await (await client.send('add', [2, 3])).result({ timeout: '30s' })).toBe(5)
    expect(await (await client.send('add', { x: 2, y: 3 })).result({ timeout: '30s' })).toBe(5)
  })

  it('gets what a typed declaration of a Python task promises', async () => {
    const add = defineTask({
      name: 'add',
      schema: z.object({ x: z.number(), y: z.number() }),
      run: ({ x, y }) => x + y,
    })
    const sum: number = await (await client.send(add, { x: 20, y: 22 })).result({ timeout: '30s' })
    expect(sum).toBe(42)
    await expect(client.send(add, { x: 20, y: '22' as never })).rejects.toMatchObject({ code: 'TWQ_ARGUMENTS' })
  })

  it('gets the exception that Python raised', async () => {
    const handle = await client.send('boom', ['kaputt'])
    const error = await handle.result({ timeout: '30s' }).catch((thrown: unknown) => thrown)
    if (!TwqError.is(error, 'TWQ_TASK_FAILED')) throw error
    expect(error.message).toBe(`boom[${handle.id}] failed: ValueError('kaputt')`)
    if (!RemoteTaskError.is(error.cause)) throw error.cause
    expect(error.cause).toMatchObject({ type: 'ValueError', module: 'builtins', args: ['kaputt'] })
    expect(error.cause.traceback).toContain('raise ValueError(message)')
    expect(await handle.state()).toBe('FAILURE')
  })

  it('sees every state on the way', async () => {
    const handle = await client.send('progress', [3])
    const seen: unknown[] = []
    for await (const record of handle.states({ signal: AbortSignal.timeout(30_000) })) {
      seen.push('result' in record && record.state === 'PROGRESS' ? record.result : record.state)
    }
    const steps = [1, 2, 3].map((current) => ({ current, total: 3 }))
    expect(seen).toEqual(['STARTED', ...steps, 'SUCCESS'])
    expect(await handle.result()).toEqual({ current: 3, total: 3 })
  })

  it('carries values that plain JSON does not', async () => {
    const given = { big: 2n ** 70n, infinite: Number.POSITIVE_INFINITY, text: 'ü𝕏\n"' }
    const echoed = await (await client.send('echo', given)).result({ timeout: '30s' })
    expect(echoed).toEqual({ args: [], kwargs: given })
  })

  it('has a thousand sends under way at once, each confirmed, and gets a thousand results', async () => {
    const handles = await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.send('add', [i, 1])))
    const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '50s' })))
    expect(results).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
  })

  it('gets a result that was sent while it was disconnected', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using other = createClient({ broker: proxy.through(brokerUrl()), queue })
    expect(await (await other.send('add', [1, 1])).result({ timeout: '30s' })).toBe(2)
    const handle = await other.send('sleep', [0.5])
    takeAway(proxy)
    // The worker takes its tasks in turn: when this one is done, the other's result waits in its queue.
    await (await client.send('add', [1, 1])).result({ timeout: '30s' })
    proxy.heal()
    expect(await handle.result({ timeout: '30s' })).toBe(0.5)
  })

  it('sends on over a broken connection', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using other = createClient({ broker: proxy.through(brokerUrl()), queue })
    await other.send('add', [1, 1])
    const sending = Array.from({ length: 50 }, (_, i) => other.send('add', [i, i]))
    proxy.reset()
    const handles = await Promise.all(sending)
    const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '30s' })))
    expect(results).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i))
  })
})

describe('a client', () => {
  it('declares the queue it sends to, as Celery does', async () => {
    const queue = uniqueName('declared')
    await using client = aClient({ queue })
    await client.send('add', [1, 2])
    expect(await depthOf(queue)).toBe(1)
    await withChannel(async (channel) => {
      await channel.declareExchange({ name: queue, type: 'direct', durable: true })
      await channel.declareQueue({ name: queue, durable: true })
    })
  })

  it('sends to a queue that somebody declared in another way', async () => {
    const queue = uniqueName('priorities')
    await withChannel((channel) =>
      channel.declareQueue({ name: queue, durable: true, arguments: { 'x-max-priority': 5 } }),
    )
    await using client = aClient({ queue })
    await client.send('add', [1, 2], { priority: 3 })
    expect(await depthOf(queue)).toBe(1)
  })

  it('declares the queue again when somebody deleted it', async () => {
    const queue = uniqueName('deleted')
    await using client = aClient({ queue })
    await client.send('add', [1, 2])
    await withChannel((channel) => channel.deleteQueue(queue))
    await client.send('add', [3, 4])
    expect(await depthOf(queue)).toBe(1)
  })

  it('says so when no queue takes the message', async () => {
    await using client = aClient()
    // RabbitMQ lets nobody declare names that begin so.
    const sent = client.send('add', [1, 2], { queue: 'amq.nowhere' })
    await expect(sent).rejects.toMatchObject({ code: 'TWQ_PUBLISH_UNROUTABLE' })
    await expect(sent).rejects.toThrow("] could not be routed to queue 'amq.nowhere'")
  })

  it('gives up in time when the broker is away, and says why', async () => {
    const proxy = await FaultProxy.before(brokerUrl())
    const gone = proxy.through(brokerUrl())
    await proxy[Symbol.asyncDispose]()
    await using client = aClient({ broker: gone, publishTimeout: 200 })
    const sent = client.send('add', [1, 2])
    await expect(sent).rejects.toMatchObject({
      code: 'TWQ_BROKER_UNREACHABLE',
      hint: 'It was not sent: send it again once the broker answers',
    })
    await expect(sent).rejects.toThrow(/was not confirmed within 200 ms: there is no connection/)
    await expect(sent).rejects.toMatchObject({ cause: { code: 'TWQ_BROKER_UNREACHABLE' } })
  })

  it('gives up in time on all that waits while the broker is away, for room too', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using client = aClient({ broker: proxy.through(brokerUrl()), publishTimeout: 3000 })
    await client.send('add', [0, 0])
    takeAway(proxy)
    const sent = await Promise.allSettled(Array.from({ length: 10_500 }, (_, i) => client.send('add', [i, 0])))
    const codes = sent.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'sent'))
    expect(codes.filter((code) => code === 'TWQ_BROKER_UNREACHABLE').length).toBe(10_500)
    proxy.heal()
    await client.send('add', [1, 0], { signal: AbortSignal.timeout(30_000) }).catch(() => {})
  })

  it('gives up at once on a password that the broker refuses, and tries anew on the next send', async () => {
    const wrong = new URL(brokerUrl())
    wrong.password = 'wrong'
    await using client = aClient({ broker: wrong.href, publishTimeout: 30_000 })
    await expect(client.send('add', [1, 2])).rejects.toMatchObject({ code: 'TWQ_BROKER_AUTH' })
    await expect(client.send('add', [1, 2])).rejects.toMatchObject({ code: 'TWQ_BROKER_AUTH' })
  })

  it("stops waiting with the caller's signal", async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using client = aClient({ broker: proxy.through(brokerUrl()), publishTimeout: 30_000 })
    takeAway(proxy)
    const controller = new AbortController()
    const sent = client.send('add', [1, 2], { signal: controller.signal })
    controller.abort(new Error('the request was cancelled'))
    await expect(sent).rejects.toThrow('the request was cancelled')
  })

  it('asks for no results with the result backend none', async () => {
    await using client = aClient({ resultBackend: 'none' })
    const handle = await client.send('add', [1, 2])
    expect(await handle.state()).toBe('PENDING')
    await expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_RESULT_UNAVAILABLE' })
  })

  it('shows a message without sending it', async () => {
    const client = aClient({ queue: 'shown' })
    const { route, message } = client.encode('add', { x: 1 })
    expect(route).toEqual({ exchange: '', routingKey: 'shown' })
    expect(message.headers).toMatchObject({ task: 'add', kwargsrepr: "{'x': 1}" })
    expect(message.properties.replyTo).toMatch(/^twq\.reply\./)
  })

  it('deletes its reply queue when it is closed, and leaves nobody waiting', async () => {
    const client = aClient()
    const handle = await client.send('add', [1, 2])
    const replyTo = client.encode('add').message.properties.replyTo as string
    expect(await depthOf(replyTo)).toBe(0)
    const asked = expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    await client.close()
    await asked
    await expect(client.send('add', [1, 2])).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    await expect(depthOf(replyTo)).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
    await client.close()
  })

  it('closes at once when it never connected', async () => {
    await aClient().close()
  })

  it('consumes its reply queue again after somebody deleted it', async () => {
    await using client = aClient()
    const handle = await client.send('add', [1, 2])
    const replyTo = client.encode('add').message.properties.replyTo as string
    await withChannel((channel) => channel.deleteQueue(replyTo))
    const body = Buffer.from(`{"task_id":"${handle.id}","status":"SUCCESS","result":3,"traceback":null,"children":[]}`)
    const message = { properties: { contentType: 'application/json', correlationId: handle.id }, headers: {}, body }
    await withChannel(async (channel) => {
      const answer = () => channel.publish({ exchange: '', routingKey: replyTo }, message, { mandatory: true })
      while ((await answer()) === 'returned') await new Promise(setImmediate)
    })
    expect(await handle.result({ timeout: '30s' })).toBe(3)
  })

  it.each(['classic', 'quorum'])('has the results of tasks in a %s queue in one of the same kind', async (type) => {
    const queue = uniqueName(type)
    await using client = aClient({ queue, queues: [{ name: queue, type: type as 'classic' | 'quorum' }] })
    const handle = await client.send('add', [1, 2])
    const replyTo = client.encode('add').message.properties.replyTo as string
    const declared = await ctl('list_queues', '-p', vhost(), 'name', 'type')
    expect(declared).toMatch(new RegExp(`^${replyTo}\t.*${type}`, 'm'))
    const body = Buffer.from(`{"task_id":"${handle.id}","status":"SUCCESS","result":3,"traceback":null,"children":[]}`)
    const message = { properties: { contentType: 'application/json', correlationId: handle.id }, headers: {}, body }
    await withChannel((channel) => channel.publish({ exchange: '', routingKey: replyTo }, message))
    expect(await handle.result({ timeout: '30s' })).toBe(3)
    // Taken for good: nothing waits there to come again.
    await queueOnce(replyTo, ({ messages, consumers }) => messages === 0 && consumers === 1)
  })

  it('says which result it can not read', async () => {
    await using client = aClient()
    const handle = await client.send('add', [1, 2])
    const routingKey = client.encode('add').message.properties.replyTo as string
    const properties = { contentType: 'application/x-python-serialize', correlationId: handle.id }
    await withChannel((channel) =>
      channel.publish({ exchange: '', routingKey }, { properties, headers: {}, body: Buffer.from('\x80\x04.') }),
    )
    const result = handle.result({ timeout: '30s' })
    await expect(result).rejects.toMatchObject({
      code: 'TWQ_RESULT_UNAVAILABLE',
      hint: "It came as application/x-python-serialize; Celery's result_serializer must be json",
    })
  })

  it.each<[Partial<ClientOptions>, RegExp]>([
    [{ broker: 'redis://localhost' }, /redis/],
    [
      { resultBackend: 'redis' as never },
      /resultBackend must be 'rpc:\/\/', 'none' or a URL like 'redis:\/\/.*', got "redis"/,
    ],
    [{ publishTimeout: 'soon' }, /publishTimeout must be milliseconds or a duration/],
    [{ heartbeat: -1 }, /heartbeat must be/],
  ])('refuses %j', (over, message) => {
    expect(() => aClient(over)).toThrow(message)
    expect(() => aClient(over)).toThrow(expect.objectContaining({ code: 'TWQ_CONFIG' }))
  })
})

describe('a sender inside a worker', () => {
  it('sends children of the task that sends, over a session of the worker', async () => {
    const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' })
    const session = createSession({ broker, name: 'test', clock: systemClock, random: Math.random })
    const publisher = createPublisher(session, { clock: systemClock })
    const replies = new ReplyQueue(session, undefined)
    const queue = uniqueName('children')
    const router = createRouter({ defaultQueue: queue })
    const sender = createSender({
      session,
      publisher,
      queues: new DeclaredQueues(session, router),
      replies,
      router,
      publishTimeout: 10_000,
      clock: systemClock,
    })
    await session.start()
    const parent = aTaskMessage({ id: 'parent', rootId: 'root' })
    const { id } = await sender.sendFor(parent)('add', [1, 2])
    const delivered = await withChannel(
      (channel) => new Promise<Delivery>((resolve) => void channel.consume(queue, resolve, { noAck: true })),
    )
    expect(delivered.headers).toMatchObject({ id, parent_id: 'parent', root_id: 'root' })
    expect(delivered.properties.replyTo).toBe(replies.name)
    await replies.leave()
    await publisher[Symbol.asyncDispose]()
    await session.stop({ deadline: AbortSignal.timeout(5_000) })
  })
})
