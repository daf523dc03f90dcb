import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { startRabbit } from '../support/provision/rabbit.ts'
import { uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

const own = defineTask({ name: 'own', run: () => {} })
/** What the broker takes of one message, in bytes; one entry has a third of it. */
const LARGEST = 120_000
const LARGE = { task: 'none', every: '1h', args: ['x'.repeat(LARGEST / 3)] } as const

it('refuses an entry with which the state is larger than the broker takes, and a worker leads on', async () => {
  await using node = await startRabbit({ config: { max_message_size: LARGEST } })
  const settings = { broker: node.url(), schedulesNamespace: uniqueName('large') }
  await using scene = await aWorker([own], { ...settings, schedules: {} })
  await using client = createClient({ ...settings, resultBackend: 'none' })
  await scene.logged('schedules.leading')
  const list = async () => (await client.schedules.list()).entries.map(({ name }) => name)
  expect(await client.schedules.set('a', LARGE)).toBe('applied')
  expect(await client.schedules.set('b', LARGE)).toBe('applied')

  // The leader learns of the limit by the refusal of the broker, and the command is taken once more after it.
  await client.schedules.set('c', LARGE).catch(() => {})
  const refused = await scene.log.until(
    ({ event, schedule, error }) => event === 'schedules.command' && schedule === 'c' && error !== undefined,
  )
  expect(refused.error).toMatch(/the schedules would have \d+ bytes, and may have \d+/)
  expect(
    await pollUntil(
      'the schedules',
      () => list().catch(() => []),
      (names) => names.length > 0,
    ),
  ).toEqual(['a', 'b'])
  await expect(client.schedules.set('d', LARGE)).rejects.toMatchObject({ code: 'TWQ_SCHEDULE' })
  expect(await client.schedules.set('small', { task: 'none', every: '1h' })).toBe('applied')
})
