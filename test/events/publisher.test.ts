import { describe, expect, it } from 'vitest'
import { createSession } from '../../src/broker/session.ts'
import { TwqError } from '../../src/errors.ts'
import { EventPublisher } from '../../src/events/publisher.ts'
import { LamportClock } from '../../src/protocol/remote/lamport-clock.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { FakeBroker, type FakeChannel } from '../support/fake-broker.ts'
import { silentLogger } from '../support/silent-logger.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const lost = (): TwqError => new TwqError('TWQ_CONNECTION_LOST', 'reset')

/** A publisher of task events on a broker that does as it is told; `up` waits until its channel is up for the n-th time. */
async function aPublisher({ tasks = true } = {}) {
  const broker = new FakeBroker()
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  const lamport = new LamportClock()
  const events = new EventPublisher({
    session,
    node: 'w1@host1',
    tasks,
    lamport,
    clock: systemClock,
    logger: silentLogger,
  })
  let ups = 0
  const up = async (times: number): Promise<FakeChannel> => {
    while (ups < times) await turn()
    return broker.current?.channels.findLast((channel) => channel.isOpen) as FakeChannel
  }
  events.start(() => {
    ups += 1
  })
  await session.start()
  return { broker, session, events, lamport, up }
}

const started = (uuid: string) => ({ type: 'task-started', uuid }) as const
const idsIn = (body: string): string[] => (JSON.parse(body) as { uuid: string }[]).map(({ uuid }) => uuid)

describe('task events', () => {
  it('of one turn travel together, 24 at most, in order and with clocks of their own', async () => {
    const { events, up } = await aPublisher()
    const channel = await up(1)
    expect(channel.exchanges).toEqual([{ name: 'celeryev', type: 'topic', durable: true }])
    for (let index = 0; index < 30; index++) events.emit(started(`t${index}`))
    expect(channel.bodies).toEqual([])
    await turn()
    expect(channel.bodies.map((body) => idsIn(body).length)).toEqual([24, 6])
    const clocks = channel.bodies.flatMap((body) => (JSON.parse(body) as { clock: number }[]).map(({ clock }) => clock))
    expect(clocks).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
  })

  it('wait while there is no channel, and the oldest are dropped when too many do', async () => {
    const { broker, events, up } = await aPublisher()
    await up(1)
    broker.current?.lose(lost())
    for (let index = 0; index < 10_001; index++) events.emit(started(`t${index}`))
    expect(events.dropped).toBe(24)
    const channel = await up(2)
    expect(idsIn(channel.bodies[0] as string)[0]).toBe('t24')
  })

  it('wait here and not in a socket when the broker confirms nothing', async () => {
    const { events, up } = await aPublisher()
    const channel = await up(1)
    for (let index = 0; index < 24 * 101; index++) events.emit(started(`t${index}`))
    await turn()
    expect(channel.publishes).toHaveLength(100)
    channel.publishes[0]?.answer.resolve('confirmed')
    await turn()
    expect(channel.publishes).toHaveLength(101)
  })

  it('are held back while the broker blocks the connection', async () => {
    const { broker, events, up } = await aPublisher()
    const channel = await up(1)
    broker.current?.block('low on memory')
    events.emit(started('t1'))
    await turn()
    expect(channel.publishes).toEqual([])
    broker.current?.block(undefined)
    expect(channel.bodies.flatMap(idsIn)).toEqual(['t1'])
  })

  it('that the broker never confirmed are counted and not sent twice', async () => {
    const { broker, events, up } = await aPublisher()
    await up(1)
    events.emit(started('t1'))
    await turn()
    broker.current?.lose(lost())
    events.emit(started('t2'))
    const channel = await up(2)
    expect(channel.bodies.flatMap(idsIn)).toEqual(['t2'])
    expect(events.dropped).toBe(1)
  })

  it('are all handed over at the end, and none after it', async () => {
    const { events, up } = await aPublisher()
    const channel = await up(1)
    events.emit(started('t1'))
    events.close()
    events.emit(started('t2'))
    await turn()
    expect(channel.bodies.flatMap(idsIn)).toEqual(['t1'])
    expect(events.wanted).toBe(false)
  })

  it('are not wanted until remote control asks for them', async () => {
    const { events, up } = await aPublisher({ tasks: false })
    const channel = await up(1)
    expect(events.wanted).toBe(false)
    events.emit(started('t1'))
    expect([events.enable(), events.enable()]).toEqual([true, false])
    events.emit(started('t2'))
    expect([events.disable(), events.disable()]).toEqual([true, false])
    events.emit(started('t3'))
    await turn()
    expect(channel.bodies.flatMap(idsIn)).toEqual(['t2'])
  })

  it('can not be switched off when the worker was started with them', async () => {
    const { events } = await aPublisher()
    expect([events.enable(), events.disable(), events.wanted]).toEqual([false, false, true])
  })
})

describe('worker events', () => {
  const heartbeat = { type: 'worker-heartbeat', freq: 2, sw_ident: 'twq', sw_ver: '1', sw_sys: 'Linux' } as const

  it('go at once, alone, after the task events before them', async () => {
    const { events, up } = await aPublisher()
    const channel = await up(1)
    events.emit(started('t1'))
    events.announce(heartbeat)
    expect(channel.publishes.map(({ route }) => route.routingKey)).toEqual(['task.multi', 'worker.heartbeat'])
    expect(JSON.parse(channel.bodies[1] as string)).toMatchObject({ ...heartbeat, hostname: 'w1@host1', clock: 2 })
  })

  it('are not kept for later', async () => {
    const { broker, events, up } = await aPublisher()
    await up(1)
    broker.current?.lose(lost())
    events.announce(heartbeat)
    expect((await up(2)).publishes).toEqual([])
  })
})
