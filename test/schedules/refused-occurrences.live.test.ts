import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const tick = defineTask({ name: 'tick', run: () => {} })

it('fails an entry for which the broker closes the channel, says so to who triggers it, and sends the others', async () => {
  const settings = { broker: brokerUrl(), schedulesNamespace: uniqueName('refused') }
  const schedules = {
    missing: { task: 'tick', every: '1s', exchange: 'no-such-exchange' },
    copied: { task: 'tick', every: '1h', headers: { CC: 'not a list' } },
    good: { task: 'tick', every: '1s' },
  } as const
  await using scene = await aWorker([tick], { ...settings, schedules })
  await using client = createClient({ ...settings, resultBackend: 'none' })
  const failed = await scene.logged('schedule.failed')
  expect(failed).toMatchObject({
    schedule: 'missing',
    error: expect.stringContaining("no exchange 'no-such-exchange'"),
  })
  const refusal = { code: 'TWQ_SCHEDULE', message: expect.stringContaining('made the broker close the channel') }
  await expect(client.schedules.trigger('missing')).rejects.toMatchObject(refusal)
  await expect(client.schedules.trigger('copied')).rejects.toMatchObject(refusal)
  await scene.log.until(({ event, schedule }) => event === 'schedule.sent' && schedule === 'good', {
    from: scene.log.entries.length,
  })
  expect(scene.log.entries.filter(({ event }) => event === 'schedules.ended')).toEqual([])
})
