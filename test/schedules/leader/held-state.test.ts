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
  const held = new HeldState({ channel, queue: QUEUE, state, leader: 'me', clock })
  return { clock, connection, channel, state, held }
}

it('has one message of the state unacknowledged, however often it is saved', async () => {
  const { connection, channel, state, held } = await aHeldState()
  await channel.consume(QUEUE, (delivery) => held.receive(delivery))
  for (let count = 0; count < 5; count += 1) await held.save()
  expect(state.version).toBe(5)
  await channel[Symbol.asyncDispose]()
  expect(await (await connection.openChannel()).inspectQueue(QUEUE)).toMatchObject({ messages: 1 })
})

it('waits for the end of its channel once, however often it is saved', async () => {
  const clock = new ManualClock()
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: QUEUE, durable: true })
  const waiting = vi.spyOn(channel.closed, 'then')
  const held = new HeldState({ channel, queue: QUEUE, state: new ScheduleState(), leader: 'me', clock })
  await channel.consume(QUEUE, (delivery) => held.receive(delivery))
  for (let count = 0; count < 5; count += 1) await held.save()
  expect(waiting).toHaveBeenCalledTimes(1)
})

it('fails where the channel is lost before the state is back', async () => {
  const { connection, held } = await aHeldState()
  const saving = held.save()
  connection.destroy(new Error('gone'))
  await expect(saving).rejects.toMatchObject({ code: expect.stringMatching(/^TWQ_/) })
})

it('fails where the broker has confirmed the state, and does not deliver it: the queue was purged meanwhile', async () => {
  const { clock, channel, held } = await aHeldState()
  const saving = held.save()
  saving.catch(() => {})
  await clock.pass('1s')
  await channel.purgeQueue(QUEUE)
  await channel.consume(QUEUE, (delivery: Delivery) => held.receive(delivery))
  await clock.pass('1m')
  await expect(saving).rejects.toThrow(/did not come back/)
})
