import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { createClientOf } from '../../src/client/create-client.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'

const CLOSED = { code: 'TWQ_CLOSED', message: expect.any(String), hint: expect.stringContaining('create another') }

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
