import { describe, expect, it } from 'vitest'
import type { Channel } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { declarePidboxExchange } from '../../src/broker/pidbox.ts'
import { createSession } from '../../src/broker/session.ts'
import { type EventOptions, receiveEvents } from '../../src/events/receiver.ts'
import { EVENT_EXCHANGE } from '../../src/protocol/remote/event.ts'
import { decodeRequest } from '../../src/protocol/remote/pidbox.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { Journal } from '../support/until.ts'

const NOW = 1_700_000_000_000
const LAST = { deadline: AbortSignal.timeout(60_000) }

/** A receiver on a broker of its own; `say` publishes, `asked` holds what workers were asked for. */
async function aReceiver(options: EventOptions = {}) {
  const broker = createMemoryBroker()
  const clock = new ManualClock(NOW)
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  const asked = new Journal<{ readonly method: string; readonly destination: readonly string[] | null }>()
  const worker = await (await broker.connect()).openChannel()
  await declarePidboxExchange(worker)
  await worker.declareQueue({ name: 'mailbox', durable: false })
  await worker.bind('mailbox', 'celery.pidbox', '')
  await worker.consume('mailbox', (delivery) => {
    const decoded = decodeRequest(delivery)
    if (decoded.kind === 'request') asked.push(decoded.request)
  })
  const stream = receiveEvents({ session, clock }, options)
  await session.start()
  await stream.ready
  const speaker = await (await broker.connect()).openChannel()
  return {
    broker,
    session,
    clock,
    stream,
    asked,
    say: (body: unknown) => say(speaker, body),
    stop: () => session.stop(LAST),
  }
}

async function say(channel: Channel, body: unknown): Promise<void> {
  await channel.publish(
    { exchange: EVENT_EXCHANGE, routingKey: 'task.multi' },
    {
      properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
      headers: {},
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    },
  )
}

const event = (uuid: string, fields: object = {}) => ({
  type: 'task-started',
  hostname: 'w1@host1',
  timestamp: 100,
  clock: 5,
  uuid,
  ...fields,
})

async function take(stream: AsyncIterable<{ readonly uuid?: string }>, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  for await (const { uuid } of stream) {
    taken.push(uuid)
    if (taken.length === count) break
  }
  return taken
}

describe('a stream of events', () => {
  it('hands over one by one what came together, with when it came', async () => {
    const { say, stream, stop } = await aReceiver()
    await say([event('a'), event('b')])
    await say([])
    await say(event('c'))
    const reader = stream[Symbol.asyncIterator]()
    expect(await reader.next()).toEqual({ done: false, value: { ...event('a'), local_received: NOW / 1000 } })
    expect((await reader.next()).value).toMatchObject({ uuid: 'b' })
    expect((await reader.next()).value).toMatchObject({ uuid: 'c' })
    await stop()
  })

  it('gives a clock to events that have none, and to those of clients', async () => {
    const { say, stream, stop } = await aReceiver({ heartbeat: false })
    await say([
      event('a', { clock: 40 }),
      event('b', { clock: undefined }),
      event('c', { type: 'task-sent', clock: 1 }),
    ])
    const clocks: number[] = []
    for await (const { clock } of stream) if (clocks.push(clock) === 3) break
    expect(clocks).toEqual([40, 42, 43])
    await stop()
  })

  it('passes over what is no event, and counts it', async () => {
    const { say, stream, stop } = await aReceiver()
    await say('{')
    await say([{ type: 'task-started' }, event('a')])
    expect(await take(stream, 1)).toEqual(['a'])
    expect(stream.refused).toBe(2)
    await stop()
  })

  it('keeps to the types that were asked for', async () => {
    const { say, stream, stop } = await aReceiver({ types: ['task-s*', 'worker-online'] })
    await say([event('a'), event('b', { type: 'task-received' }), event('c', { type: 'task-succeeded' })])
    expect(await take(stream, 2)).toEqual(['a', 'c'])
    await stop()
  })

  it('drops the oldest when nobody reads, and counts them', async () => {
    const { say, stream, stop } = await aReceiver({ mostWaiting: 3 })
    await say(Array.from({ length: 10 }, (_, index) => event(`t${index}`)))
    // Without a reader yet: what arrives while one waits is never dropped.
    while (stream.dropped === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await take(stream, 3)).toEqual(['t7', 't8', 't9'])
    expect(stream.dropped).toBe(7)
    await stop()
  })

  it('drops the oldest beyond 64 MiB of memory, and counts them', async () => {
    const { say, stream, stop } = await aReceiver({ heartbeat: false })
    // Eight million bytes each, as text of UTF-16.
    for (let index = 0; index < 12; index += 1) await say(event(`t${index}`, { result: 'x'.repeat(4_000_000) }))
    while (stream.dropped < 4) await new Promise((resolve) => setImmediate(resolve))
    expect(await take(stream, 8)).toEqual(['t4', 't5', 't6', 't7', 't8', 't9', 't10', 't11'])
    expect(stream.dropped).toBe(4)
    await stop()
  })

  it('refuses events in names that no node and no task can have', async () => {
    const { say, stream, stop } = await aReceiver({ heartbeat: false })
    const long = 'x'.repeat(256)
    await say([event(long), event('a', { hostname: long }), event('b', { type: `task-${long}` }), event('c')])
    expect(await take(stream, 1)).toEqual(['c'])
    expect(stream.refused).toBe(3)
    await stop()
  })

  it('goes on after the connection was lost', async () => {
    const { broker, session, stream, stop } = await aReceiver()
    const back = new Journal<string>()
    session.listen(({ kind }) => back.push(kind))
    broker.cutConnections()
    await back.until((kind) => kind === 'connected')
    const speaker = await (await broker.connect()).openChannel()
    const next = stream[Symbol.asyncIterator]().next()
    let heard = false
    void next.then(() => {
      heard = true
    })
    // Until its queue is back nobody hears what is said.
    while (!heard) {
      await say(speaker, event('after'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await next).value).toMatchObject({ uuid: 'after' })
    await stop()
  })

  it('ends when its signal aborts, when it is disposed of, when the session stops, and when the reader leaves', async () => {
    const controller = new AbortController()
    const first = await aReceiver({ signal: controller.signal })
    const waiting = take(first.stream, 1)
    controller.abort()
    expect(await waiting).toEqual([])
    await first.stop()

    const second = await aReceiver()
    const reader = second.stream[Symbol.asyncIterator]()
    const pending = reader.next()
    await second.stream[Symbol.asyncDispose]()
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await second.stop()
    const third = await aReceiver()
    await third.say(event('a'))
    expect(await take(third.stream, 1)).toEqual(['a'])
    expect(await take(third.stream, 1)).toEqual([])
    await third.stop()

    const fourth = await aReceiver()
    const unread = take(fourth.stream, 1)
    await fourth.stop()
    expect(await unread).toEqual([])
  })

  it('was never begun when its signal was aborted before', async () => {
    const session = createSession({ broker: createMemoryBroker(), name: 'x', clock: systemClock, random: () => 0 })
    const stream = receiveEvents({ session, clock: systemClock }, { signal: AbortSignal.abort() })
    expect(await take(stream, 1)).toEqual([])
  })

  it('has one reader', async () => {
    const { stream, stop } = await aReceiver()
    const reader = stream[Symbol.asyncIterator]()
    const first = reader.next()
    await expect(reader.next()).rejects.toThrow('one reader')
    await stream[Symbol.asyncDispose]()
    await first
    await stop()
  })
})

describe('workers', () => {
  it('are asked for a heartbeat, and for nothing else', async () => {
    const { asked, stream, stop } = await aReceiver({ destination: ['w1@host1'] })
    await asked.untilCount(1)
    expect(asked.entries).toMatchObject([{ method: 'heartbeat', destination: ['w1@host1'] }])
    await stream[Symbol.asyncDispose]()
    await stop()
  })

  it('are asked for task events again and again, until the stream ends', async () => {
    const { asked, stream, clock, stop } = await aReceiver({ enableTaskEvents: true })
    const enables = (request: { readonly method: string }) => request.method === 'enable_events'
    await asked.untilCount(1, enables)
    clock.advance(5_000)
    await asked.untilCount(2, enables)
    await stream[Symbol.asyncDispose]()
    clock.advance(60_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked.entries.filter(enables)).toHaveLength(2)
    await stop()
  })
})
