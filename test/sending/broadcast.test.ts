import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { declarePidbox } from '../../src/broker/pidbox.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { askOn, expectedSilence } from '../../src/sending/broadcast.ts'
import { startTestWorker } from '../../src/testing/test-worker.ts'

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

const FULL = {
  name: 'full',
  durable: false,
  arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' },
}

it('has the answers of the workers whose mailboxes took a request that another mailbox refused', async () => {
  const broker = createMemoryBroker()
  await using worker = await startTestWorker({ tasks: [], broker, config: { nodeName: 'there@test' } })
  const channel = await (await broker.connect()).openChannel()
  await channel.declareQueue(FULL)
  await channel.bind(FULL.name, 'celery.pidbox', '')
  const { workers } = await worker.client.inspect({ destination: ['there@test'] }).ping()
  expect([...workers.keys()]).toEqual(['there@test'])
})

it('says that a request was refused where nobody answers', async () => {
  const connection = await createMemoryBroker().connect()
  const channel = await connection.openChannel()
  await declarePidbox(channel, 'silent@test', connection.server)
  await channel.declareQueue(FULL)
  await channel.bind(FULL.name, 'celery.pidbox', '')
  const options = { timeout: 10, server: connection.server, clock: systemClock }
  await expect(askOn(channel, 'ping', {}, options)).rejects.toMatchObject({ code: 'TWQ_PUBLISH_REFUSED' })
})
