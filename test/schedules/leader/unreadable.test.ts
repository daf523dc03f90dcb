import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { Unreadable } from '../../../src/schedules/leader/unreadable.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const QUEUE = 'twq.schedules.default'
const QUARANTINE = `${QUEUE}.quarantine`

/** A leader's consumer that can read nothing of what so many messages hold, and may not declare their quarantine. */
async function unreadable(count: number) {
  const clock = new ManualClock()
  const connection = await createMemoryBroker({ clock }).connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: QUEUE, durable: true })
  const declareQuarantine = () => Promise.reject(new Error('not allowed'))
  const logger = silentLogger
  const publish = ({ route, message }: Outgoing) => channel.publish(route, message, { mandatory: true })
  const aside = new Unreadable({ publish, queue: QUEUE, node: 'w@here', declareQuarantine, clock, logger })
  for (let n = 0; n < count; n += 1) {
    await channel.publish(
      { exchange: '', routingKey: QUEUE },
      { properties: {}, headers: {}, body: Buffer.from(`${n}`) },
    )
  }
  await channel.consume(QUEUE, (delivery) => aside.setAside(delivery, 'not JSON'))
  await clock.pass('1s')
  /** How many of the messages came back when the channel was closed. */
  const heldUntilNow = async (): Promise<number> => {
    await channel[Symbol.asyncDispose]()
    return (await (await connection.openChannel()).inspectQueue(QUEUE)).messages
  }
  return { clock, channel, aside, heldUntilNow }
}

it('holds what the quarantine does not take, and puts it there later', async () => {
  const { clock, channel, aside, heldUntilNow } = await unreadable(3)
  await channel.declareQueue({ name: QUARANTINE, durable: true })
  aside.tryAgain()
  await clock.pass('1s')
  expect((await channel.inspectQueue(QUARANTINE)).messages).toBe(3)
  expect(await heldUntilNow()).toBe(0)
})

it('holds a thousand messages, and rejects others for good: they would keep everything else away', async () => {
  const { channel, heldUntilNow } = await unreadable(1_200)
  expect((await channel.inspectQueue(QUEUE)).messages).toBe(0)
  expect(await heldUntilNow()).toBe(1_000)
})
