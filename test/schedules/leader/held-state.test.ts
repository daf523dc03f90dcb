import { expect, it, vi } from 'vitest'
import type { Delivery } from '../../../src/broker/broker.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { HeldState } from '../../../src/schedules/leader/held-state.ts'
import { ScheduleState } from '../../../src/schedules/state/state.ts'

const QUEUE = 'twq.schedules.default'

async function aHeldState() {
  const clock = new ManualClock()
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: QUEUE, durable: true })
  const state = new ScheduleState()
  const fail = vi.fn()
  const held = new HeldState({ channel, queue: QUEUE, state, leader: 'me', fail, clock })
  return { clock, connection, channel, state, held, fail }
}

it('has one message of the state unacknowledged, however often it is saved', async () => {
  const { connection, channel, state, held } = await aHeldState()
  await channel.consume(QUEUE, (delivery) => held.receive(delivery))
  for (let count = 0; count < 5; count += 1) await held.save()
  await held.isHeld()
  expect(state.version).toBe(5)
  await channel[Symbol.asyncDispose]()
  expect(await (await connection.openChannel()).inspectQueue(QUEUE)).toMatchObject({ messages: 1 })
})

it('does not wait for the end of its channel each time it is saved', async () => {
  const clock = new ManualClock()
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: QUEUE, durable: true })
  const waiting = vi.spyOn(channel.closed, 'then')
  const held = new HeldState({ channel, queue: QUEUE, state: new ScheduleState(), leader: 'me', fail: () => {}, clock })
  await channel.consume(QUEUE, (delivery) => held.receive(delivery))
  for (let count = 0; count < 5; count += 1) await held.save()
  expect(waiting).not.toHaveBeenCalled()
})

it('fails where the channel is over', async () => {
  const { connection, held } = await aHeldState()
  connection.destroy(new Error('gone'))
  await expect(held.save()).rejects.toMatchObject({ code: expect.stringMatching(/^TWQ_/) })
})

it('fails where the broker has confirmed the state, and delivers nothing more: the queue was purged meanwhile', async () => {
  const { clock, channel, held, fail } = await aHeldState()
  await held.save()
  await channel.purgeQueue(QUEUE)
  await channel.consume(QUEUE, (delivery: Delivery) => held.receive(delivery))
  await clock.pass('1m')
  expect(fail).toHaveBeenCalledWith(expect.objectContaining({ message: expect.stringMatching(/did not come back/) }))
})

it('saves while messages before the state have yet to be acknowledged, and holds what it went on from until then', async () => {
  const { clock, connection, channel, held, fail } = await aHeldState()
  const before: Delivery[] = []
  const message = { properties: {}, headers: {}, body: Buffer.from('') }
  for (let count = 0; count < 3; count += 1) await channel.publish({ exchange: '', routingKey: QUEUE }, message)
  await channel.prefetch(2, 'consumer')
  await channel.consume(QUEUE, (delivery) => {
    if (!held.receive(delivery)) before.push(delivery)
  })
  await held.save()
  await held.save()
  await clock.pass('1s')
  expect(before).toHaveLength(2)
  held.adopt(before[0] as Delivery)
  await clock.pass('20s')
  before[1]?.ack()
  await clock.pass('20s')
  before[2]?.ack()
  await held.isHeld()
  await channel[Symbol.asyncDispose]()
  expect(await (await connection.openChannel()).inspectQueue(QUEUE)).toMatchObject({ messages: 1 })
  expect(fail).not.toHaveBeenCalled()
})
