import { expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { uniqueName } from '../support/services.ts'
import { Journal } from '../support/until.ts'

const ran = new Journal<string>()
const tick = defineTask({
  name: 'tick',
  positional: ['definition'],
  run({ definition }: { definition: string }) {
    ran.push(definition)
  },
})

it('keeps the newer of two definitions while workers with either start again', async () => {
  const [schedulesNamespace, queue] = [uniqueName('definitions'), uniqueName('definitions')]
  const start = (definition: string): Promise<WorkerScene> => {
    const schedules = { tick: { task: 'tick', args: [definition], every: '1s' } }
    return aWorker([tick], { queues: [queue], schedulesNamespace, schedules })
  }
  const workers = { old: await start('old'), new: undefined as WorkerScene | undefined }
  await ran.untilCount(2)
  workers.new = await start('new')
  await ran.until((definition) => definition === 'new')
  const first = ran.entries.indexOf('new')
  for (const definition of ['old', 'new', 'old', 'new'] as const) {
    // The worker that leads may be either.
    await workers[definition]?.[Symbol.asyncDispose]()
    await ran.until(() => true, { from: ran.entries.length })
    workers[definition] = await start(definition)
    await ran.until(() => true, { from: ran.entries.length })
  }
  expect(new Set(ran.entries.slice(0, first))).toEqual(new Set(['old']))
  expect(new Set(ran.entries.slice(first))).toEqual(new Set(['new']))
  for (const worker of Object.values(workers)) await worker?.[Symbol.asyncDispose]()
})
