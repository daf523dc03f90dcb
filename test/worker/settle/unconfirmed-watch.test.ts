import { expect, it } from 'vitest'
import { createPublisher } from '../../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../../src/broker/session.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { UnconfirmedWatch } from '../../../src/worker/settle/unconfirmed-watch.ts'
import { FakeBroker, type FakeChannel } from '../../support/fake-broker.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function aWatch() {
  const clock = new ManualClock()
  const broker = new FakeBroker()
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  const publisher = createPublisher(session, { clock: systemClock })
  await session.start()
  await publisher.ready
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  })
  const watch = new UnconfirmedWatch({ publisher, session, clock, logger })
  watch.start()
  const publish = (routingKey: string): void => {
    const message = { properties: {}, headers: {}, body: Buffer.from('1') }
    publisher.publish({ route: { exchange: '', routingKey }, message }).catch(() => {})
  }
  const channel = broker.current?.channels.findLast((each) => each.isOpen) as FakeChannel
  const confirm = async (index: number): Promise<void> => {
    channel.publishes[index]?.answer.resolve('confirmed')
    await turn()
  }
  const end = async (): Promise<void> => {
    watch.stop()
    await publisher[Symbol.asyncDispose]()
    await session.stop({ deadline: AbortSignal.timeout(5_000) })
  }
  return { clock, broker, watch, lines, publish, confirm, [Symbol.asyncDispose]: end }
}

it('warns once a minute of the message that the broker has not confirmed for longest', async () => {
  await using scene = await aWatch()
  const { clock, watch, lines, publish, confirm } = scene
  publish('quick')
  publish('stuck')
  publish('stuck too')
  await confirm(0)
  clock.advance(10_000)
  expect(watch.waiting).toBeUndefined()
  clock.advance(5_000)
  expect(watch.waiting).toEqual({ route: { exchange: '', routingKey: 'stuck' }, ms: 10_000 })
  clock.advance(55_000)
  expect(lines).toMatchObject([
    { event: 'publish.unconfirmed', level: 'warn', routing_key: 'stuck', waited_ms: 10_000, unconfirmed: 2 },
  ])
  clock.advance(10_000)
  expect(lines).toHaveLength(2)
  await confirm(1)
  expect(watch.waiting).toBeUndefined()
})

it('says nothing while the broker blocks the connection: that is said already', async () => {
  await using scene = await aWatch()
  const { clock, broker, watch, lines, publish } = scene
  publish('stuck')
  broker.current?.block('low on memory')
  clock.advance(60_000)
  expect(watch.waiting).toBeUndefined()
  expect(lines).toEqual([])
})
