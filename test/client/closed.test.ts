import { expect, it } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { declarePidbox } from '../../src/broker/pidbox.ts'
import { createClientOf } from '../../src/client/create-client.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { schedulesQueue } from '../../src/schedules/state/messages.ts'

const CLOSED = { code: 'TWQ_CLOSED', message: expect.any(String), hint: expect.stringContaining('create another') }

/** Resolves once a request of a client lies in the mailbox of a worker that does not answer. */
async function aSilentWorker(broker: Broker) {
  const connection = await broker.connect()
  const channel = await connection.openChannel()
  await declarePidbox(channel, 'silent@test', connection.server)
  const asked = deferred<void>()
  await channel.consume('silent@test.celery.pidbox', () => asked.resolve(), { noAck: true })
  await channel.declareQueue({ name: schedulesQueue('default'), durable: true })
  const commanded = deferred<void>()
  await channel.consume(schedulesQueue('default'), () => commanded.resolve(), { noAck: true })
  return { asked: asked.promise, commanded: commanded.promise }
}

it('says so to questions to workers and to the leader of schedules that were under way at close', async () => {
  const broker = createMemoryBroker()
  const worker = await aSilentWorker(broker)
  // Its time stands still: nothing ends for the lack of an answer.
  const client = createClientOf(broker, new ManualClock())
  const pinged = expect(client.inspect().ping()).rejects.toMatchObject(CLOSED)
  const listed = expect(client.schedules.list()).rejects.toMatchObject(CLOSED)
  await Promise.all([worker.asked, worker.commanded])
  await client.close()
  await Promise.all([pinged, listed])
})

it('says what to do to calls after close, and to results that were awaited then', async () => {
  const client = createClientOf(createMemoryBroker(), systemClock)
  const handle = await client.send('nobody.takes.it', [])
  const awaited = expect(handle.result({ timeout: '10s' })).rejects.toMatchObject(CLOSED)
  await client.close()
  await awaited
  await expect(handle.result()).rejects.toMatchObject(CLOSED)
  await expect(handle.revoke()).rejects.toMatchObject(CLOSED)
  await expect(client.send('another', [])).rejects.toMatchObject(CLOSED)
  await expect(client.revoke(handle.id)).rejects.toMatchObject(CLOSED)
  await expect(client.inspect().ping()).rejects.toMatchObject(CLOSED)
  await expect(client.schedules.list()).rejects.toMatchObject(CLOSED)
  expect(() => client.result(handle.id)).toThrow(expect.objectContaining(CLOSED))
  expect(() => client.events()).toThrow(expect.objectContaining(CLOSED))
})
