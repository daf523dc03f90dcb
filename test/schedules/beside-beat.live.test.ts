import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { type Program, readyOrClosed } from '../support/program.ts'
import { startCeleryWorker, startPython } from '../support/python.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { Journal } from '../support/until.ts'

/** What monitor.py says of one event, with what Celery's state of the cluster makes of it. */
interface Sighting {
  readonly event: { readonly type: string; readonly hostname: string; readonly uuid?: string }
  readonly task?: { readonly name: string; readonly state: string; readonly result: string | null }
}

const own = defineTask({ name: 'own', run: () => {} })
const queue = uniqueName('beside')
const settings = { broker: brokerUrl(), queue }
const seen = new Journal<Sighting>()

let monitor: Program
let celery: Program

beforeAll(async () => {
  monitor = await startPython(['monitor.py'], settings)
  await readyOrClosed(
    monitor,
    monitor.output.until((line) => line === '"ready"'),
  )
  monitor.output.listen((line) => seen.push(JSON.parse(line) as Sighting))
  celery = await startCeleryWorker(settings, { args: ['--events'] })
})
afterAll(async () => {
  await monitor?.[Symbol.asyncDispose]()
  await celery?.[Symbol.asyncDispose]()
})

/** `celery beat` with an entry that is due each second. */
async function startBeat(): Promise<Program> {
  const folder = tempFolder()
  const app = `import os
from celery import Celery

app = Celery("beats", broker=os.environ["BROKER_URL"])
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.beat_schedule = {"multiplied": {"task": "mul", "schedule": 1.0, "args": (6, 7)}}
`
  writeFileSync(join(folder, 'beats.py'), app)
  return await startPython(['-m', 'celery', '-A', 'beats', 'beat', '-l', 'INFO', '-s', 'state'], settings, {
    cwd: folder,
  })
}

const ended = (name: string) => (sighting: Sighting) =>
  sighting.event.type === 'task-succeeded' && sighting.task?.name === name

it('has a Python worker run its tasks beside celery beat, and Celery sees each of both end once', async () => {
  await using beat = await startBeat()
  await using scene = await aWorker([own], {
    schedulesNamespace: uniqueName('beside'),
    schedules: { added: { task: 'add', args: [2, 3], every: '1s', queue } },
  })
  const sent = await scene.log.untilCount(4, ({ event }) => event === 'schedule.sent')
  const added = await seen.untilCount(3, ended('add'))
  const multiplied = await seen.untilCount(3, ended('mul'))

  expect(added.map(({ event }) => event.uuid)).toEqual(sent.slice(0, 3).map(({ id }) => id))
  expect(added[0]?.task).toMatchObject({ state: 'SUCCESS', result: '5' })
  expect(multiplied[0]?.task).toMatchObject({ state: 'SUCCESS', result: '42' })
  const of = (id: string | undefined) => seen.entries.flatMap(({ event }) => (event.uuid === id ? [event.type] : []))
  for (const { event } of [...added, ...multiplied]) {
    expect(of(event.uuid)).toEqual(['task-received', 'task-started', 'task-succeeded'])
  }
  const sendings = beat.lines.entries.filter((line) => line.includes('Sending due task multiplied'))
  expect(multiplied.length).toBeLessThanOrEqual(sendings.length)
  expect(beat.lines.entries.filter((line) => /ERROR|CRITICAL/.test(line))).toEqual([])
})
