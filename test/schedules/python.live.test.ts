import { afterAll, beforeAll, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const own = defineTask({ name: 'own', run: () => {} })
const queue = uniqueName('python')

let celery: Program

beforeAll(async () => {
  celery = await startCeleryWorker({ broker: brokerUrl(), queue })
})
afterAll(() => celery?.[Symbol.asyncDispose]())

it("has a Python worker run tasks, and hears of the end of each with overlap: 'skip', a failure included", async () => {
  const entry = { every: '1s', overlap: 'skip', overlapTimeout: '1h', queue } as const
  await using scene = await aWorker([own], {
    schedulesNamespace: uniqueName('python'),
    schedules: { sum: { task: 'add', args: [1, 2], ...entry }, failure: { task: 'boom', ...entry } },
  })
  for (const schedule of ['sum', 'failure']) {
    const [first] = await scene.log.untilCount(
      3,
      (line) => line.event === 'schedule.sent' && line.schedule === schedule,
    )
    await celery.until(new RegExp(`${first?.id}\\] (succeeded|raised)`))
  }
})
