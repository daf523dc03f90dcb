import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { aProject } from '../support/a-project.ts'
import { queueOnce } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'

/** How many of each task are sent: 20 that hang, 20 that end their process. What blocks a processor, or runs alone again, takes longest. */
const SENT = { waits: 16, loops: 4, dies: 14, kills: 6 }

const TASKS = `
  import { defineTask } from 'twq'
  export const sound = defineTask({ name: 'sound', run: () => process.pid })
  export const waits = defineTask({ name: 'waits', timeLimit: { hard: 1_000 }, run: () => 'never' })
  export const loops = defineTask({ name: 'loops', timeLimit: { hard: 1_000 }, run: () => 'never' })
  export const dies = defineTask({ name: 'dies', rejectOnLost: false, run: () => 'never' })
  export const kills = defineTask({ name: 'kills', run: () => 'never' })
`

const CONFIG = `
  import { defineConfig } from 'twq'
  const hanging = {
    name: 'hanging',
    async aroundAttempt(attempt, next) {
      if (attempt.task === 'waits') await new Promise(() => {})
      if (attempt.task === 'loops') for (;;);
      return await next()
    },
  }
  const ending = {
    name: 'ending',
    async aroundAttempt(attempt, next) {
      if (attempt.task === 'dies') process.exit(3)
      if (attempt.task === 'kills') process.kill(process.pid, 'SIGKILL')
      return await next()
    },
  }
  const bystander = { name: 'bystander', start: () => {} }
  export default defineConfig({
    tasks: ['./tasks.ts'],
    plugins: [hanging, ending, bystander],
    pool: 'processes',
    concurrency: 4,
    maxStarts: 2,
  })
`

it('plugins that hang and plugins that end their process lose no task, and leave the worker as it was', async () => {
  using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
  const queue = uniqueName('hostile')
  await using worker = await startTwqWorker({
    project: project.folder,
    broker: brokerUrl(),
    args: ['--queues', queue, '--log-format', 'json'],
  })
  await using client = createClient({ broker: brokerUrl(), queue })
  const names = Object.entries(SENT).flatMap(([task, times]) => Array.from({ length: times }, () => task))
  const sent = await Promise.all(names.map(async (task) => ({ task, handle: await client.send(task) })))
  const failures: Record<string, number> = {}
  for (const { task, handle } of sent) {
    const { cause } = (await handle.result().catch((error: unknown) => error)) as { cause?: { type: string } }
    const what = `${task}: ${cause?.type}`
    failures[what] = (failures[what] ?? 0) + 1
  }
  expect(failures).toEqual({
    'waits: TimeLimitExceeded': SENT.waits,
    'loops: TimeLimitExceeded': SENT.loops,
    'dies: WorkerLostError': SENT.dies,
    'kills: WorkerLostError': SENT.kills,
  })
  // What may run again has ended its process as often as it may, and is set aside.
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === SENT.kills)
  await queueOnce(`${queue}.suspects`, ({ messages }) => messages === 0)
  await queueOnce(queue, ({ messages, consumers }) => messages === 0 && consumers === 1)

  const inspect = client.inspect()
  expect([...(await inspect.active()).workers.values()]).toEqual([[]])
  expect([...(await inspect.reserved()).workers.values()]).toEqual([[]])
  const ran = await Promise.all(Array.from({ length: 20 }, async () => (await client.send('sound')).result()))
  expect(ran.every((pid) => typeof pid === 'number')).toBe(true)
  worker.signal('SIGTERM')
  expect((await worker.exit).code).toBe(0)

  // A line is written after its message has been moved: the broker shows the last one in quarantine before the log does.
  for (const [event, task, times] of [
    ['task.timeout', 'waits', SENT.waits],
    ['task.timeout', 'loops', SENT.loops],
    ['task.lost', 'dies', SENT.dies],
    ['task.lost', 'kills', 2 * SENT.kills],
  ] as const) {
    const lines = worker.records(event).filter((line) => line.task === task)
    expect([event, task, lines.length]).toEqual([event, task, times])
    for (const line of lines) expect(line.plugins).toEqual(['hanging', 'ending'])
  }
})
