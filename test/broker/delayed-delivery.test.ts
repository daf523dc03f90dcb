import { expect, it } from 'vitest'
import { DelayedDelivery, declareLadder } from '../../src/broker/delayed-delivery.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { createSession, type Session } from '../../src/broker/session.ts'
import { DELAYED_DELIVERY_EXCHANGE, delayBinding } from '../../src/protocol/headers/delay-route.ts'
import { plainQueue } from '../../src/protocol/queue/task-queue.ts'
import type { WireMessage } from '../../src/protocol/wire.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { goldenJson } from '../protocol/golden.ts'

interface Declared {
  readonly op: string
  readonly name?: string
}

it("declares the ladder as Celery 5.6.3 does, save for Celery's own queue at its end", async () => {
  const declared: object[] = []
  const note = (fields: object): Promise<void> => {
    declared.push(fields)
    return Promise.resolve()
  }
  const channel = {
    declareExchange: (exchange: object) => note({ op: 'exchange.declare', ...exchange }),
    declareQueue: (queue: object) => note({ op: 'queue.declare', ...queue }),
    bind: (destination: string, source: string, key: string) => note({ op: 'queue.bind', destination, source, key }),
    bindExchange: (destination: string, source: string, key: string) =>
      note({ op: 'exchange.bind', destination, source, key }),
  }
  await declareLadder({ withChannel: (use) => use(channel as never) }, 'quorum')
  const expected = (goldenJson('delayed-delivery.json') as Declared[]).filter(
    (one) => !Object.values(one).includes('qq'),
  )
  const inOrder = (list: readonly object[]): string[] => list.map((one) => JSON.stringify(sorted(one))).sort()
  expect(inOrder(declared)).toEqual(inOrder(expected))
})

function sorted(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, typeof member === 'object' ? sorted(member) : member] as const)
      .sort(([a], [b]) => a.localeCompare(b)),
  )
}

it('binds a queue again that was deleted and declared anew', async () => {
  const { session } = await aSession()
  const delivery = new DelayedDelivery({
    session,
    queueType: 'quorum',
    enabled: true,
    clock: systemClock,
    onUnusable: () => {},
  })
  const queue = plainQueue('a')
  const due = { exchange: DELAYED_DELIVERY_EXCHANGE, routingKey: delayBinding('a').replaceAll('*', '0') }
  const message = { properties: {}, body: Buffer.alloc(0) } as unknown as WireMessage
  for (let time = 0; time < 2; time += 1) {
    await session.withChannel(async (channel) => {
      await channel.declareQueue({ name: 'a', durable: true })
      expect(await delivery.prepareFor(queue)).toBe(true)
      expect(await channel.publish(due, message, { mandatory: true })).toBe('confirmed')
      await channel.deleteQueue('a')
    })
  }
  await session.stop({ deadline: AbortSignal.timeout(1_000) })
})

async function aSession(): Promise<{ session: Session; broker: ReturnType<typeof createMemoryBroker> }> {
  const broker = createMemoryBroker()
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  await session.start()
  return { session, broker }
}

it('declares once, however many ask', async () => {
  const { session } = await aSession()
  let opened = 0
  const counting: Pick<Session, 'listen' | 'withChannel'> = {
    listen: (listener) => session.listen(listener),
    withChannel(use) {
      opened += 1
      return session.withChannel(use)
    },
  }
  await session.withChannel((channel) => channel.declareQueue({ name: 'a', durable: true }))
  const delivery = new DelayedDelivery({
    session: counting,
    queueType: 'quorum',
    enabled: true,
    clock: systemClock,
    onUnusable: (error) => expect.fail(error.message),
  })
  expect(await Promise.all(Array.from({ length: 50 }, () => delivery.prepare('a')))).not.toContain(false)
  // One for the ladder, one for the binding.
  expect(opened).toBe(2)
  expect(delivery.has('a')).toBe(true)
  await session.stop({ deadline: AbortSignal.timeout(1000) })
})

it('uses a ladder of the other type where there is one', async () => {
  const { session } = await aSession()
  await declareLadder(session, 'classic')
  await session.withChannel((channel) => channel.declareQueue({ name: 'a', durable: true }))
  const delivery = new DelayedDelivery({
    session,
    queueType: 'quorum',
    enabled: true,
    clock: systemClock,
    onUnusable: (error) => expect.fail(error.message),
  })
  expect(await delivery.prepare('a')).toBe(true)
  await session.stop({ deadline: AbortSignal.timeout(1000) })
})

it('says why it is of no use, and is asked no more for a while', async () => {
  const { session } = await aSession()
  const reasons: string[] = []
  const delivery = new DelayedDelivery({
    session,
    queueType: 'quorum',
    enabled: true,
    clock: systemClock,
    onUnusable: (error) => reasons.push(error.message),
  })
  expect(await delivery.prepare('nowhere')).toBe(false)
  expect(delivery.usable).toBe(false)
  expect(await delivery.prepare('nowhere')).toBe(false)
  expect(reasons).toEqual([expect.stringContaining('nowhere')])
  await session.stop({ deadline: AbortSignal.timeout(1000) })
})
