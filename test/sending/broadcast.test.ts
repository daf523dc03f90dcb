import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { declarePidbox } from '../../src/broker/pidbox.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { askOn, expectedSilence } from '../../src/sending/broadcast.ts'

it.each([
  ['at once', 3, 50],
  ['after a while', 40, 160],
  ['late', 2_000, 500],
])('expects nobody else after a silence that fits how the last one answered: %s', (_, latency, silence) => {
  expect(expectedSilence(50, latency)).toBe(silence)
})

it.each([
  ['before it asks', () => AbortSignal.abort('no more')],
  ['while it is asked', (asked: AbortSignal) => asked],
])('ends with the reason of a signal that aborts %s', async (_, signalOf) => {
  const connection = await createMemoryBroker().connect()
  const mailbox = await connection.openChannel()
  await declarePidbox(mailbox, 'silent@test', connection.server)
  const asked = new AbortController()
  await mailbox.consume('silent@test.celery.pidbox', () => asked.abort('no more'), { noAck: true })
  const { server } = connection
  // Its time stands still: nothing ends for the lack of an answer.
  const options = { timeout: 1_000, server, clock: new ManualClock(), signal: signalOf(asked.signal) }
  await expect(askOn(await connection.openChannel(), 'ping', {}, options)).rejects.toBe('no more')
})
