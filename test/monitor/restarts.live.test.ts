import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import type { Overview, QueueList } from '../../src/monitor/answers/cluster.ts'
import type { TaskDetail, TaskList } from '../../src/monitor/answers/tasks.ts'
import { aProject } from '../support/a-project.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { TwqMonitor } from '../support/twq-monitor.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = `import { once } from 'node:events'
import { defineTask } from 'twq'
export const quick = defineTask({ name: 'quick', run: () => 'done' })
export const hold = defineTask({ name: 'hold', acks: 'early', async run(_args, ctx) {
  await once(ctx.signal, 'abort')
  throw ctx.signal.reason
} })
`
const closing: AsyncDisposable[] = []
const project = aProject({})
const file = join(project.folder, 'tasks.db')
let node: RabbitNode
let client: Client
let monitor: TwqMonitor
let staying: TwqWorker
let leaving: TwqWorker

beforeAll(async () => {
  node = await startRabbit()
  closing.push(node)
  const broker = node.url()
  client = createClient({ broker, resultBackend: 'none' })
  monitor = await aMonitor()
  staying = await startTwqWorker({ tasks: TASKS, broker, args: ['-E', '-n', 'staying@%h', '--queues', 'staying'] })
  leaving = await startTwqWorker({ tasks: TASKS, broker, args: ['-E', '-n', 'leaving@%h', '--queues', 'leaving'] })
  closing.push(staying, leaving)
})

afterAll(async () => {
  await client?.close()
  await monitor?.[Symbol.asyncDispose]()
  for (const one of closing.reverse()) await one[Symbol.asyncDispose]()
  project[Symbol.dispose]()
})

async function aMonitor(): Promise<TwqMonitor> {
  const started = await TwqMonitor.start(['--broker', node.url(), '--store', file])
  await pollUntil(
    'it is connected',
    () => started.get<Overview>('/api/overview'),
    (answer) => answer.broker.state === 'connected',
  )
  return started
}

async function taskSeen(id: string, accept: (task: TaskDetail) => boolean): Promise<TaskDetail> {
  const task = await pollUntil(
    `task ${id}`,
    () => monitor.get<TaskDetail>(`/api/tasks/${id}`).catch(() => undefined),
    (answer) => answer !== undefined && accept(answer),
  )
  return task as TaskDetail
}

const isStarted = ({ state, unknownSince }: TaskDetail) => state === 'STARTED' && unknownSince === undefined

it('the page knows what it had seen over a restart of the broker, asks workers that come back, and marks what it missed', async () => {
  const ended = await client.send('quick', [], { queue: 'staying' })
  const [running, lost] = await Promise.all([
    client.send('hold', [], { queue: 'staying' }),
    client.send('hold', [], { queue: 'leaving' }),
  ])
  await taskSeen(ended.id, ({ state }) => state === 'SUCCESS')
  for (const { id } of [running, lost]) await taskSeen(id, isStarted)

  await node.stop()
  const away = await pollUntil(
    'the page says that the broker is away',
    () => monitor.get<Overview>('/api/overview'),
    ({ broker }) => broker.state === 'lost',
  )
  expect(away.gaps[0]).toMatchObject({ from: away.broker.since })
  expect(await monitor.get<TaskDetail>(`/api/tasks/${ended.id}`)).toMatchObject({ state: 'SUCCESS' })
  // Nothing is said of who leads the schedules, who can't be asked: a page keeps the list that it has.
  expect((await fetch(`${monitor.url}/api/schedules`)).status).toBe(503)
  await pollUntil(
    'the depths say why they are old',
    () => monitor.get<QueueList>('/api/queues'),
    ({ error }) => error === 'there is no connection to the broker',
  )
  leaving.signal('SIGKILL')
  await node.startAgain()

  const { unknownSince } = await taskSeen(lost.id, (task) => task.unknownSince !== undefined)
  const { gaps, broker } = await monitor.get<Overview>('/api/overview')
  expect([broker.state, unknownSince, gaps[0]?.to]).toEqual(['connected', away.broker.since, broker.since])
  // Its worker has come back, and says that it has it.
  await taskSeen(running.id, isStarted)
  expect(await monitor.get<TaskDetail>(`/api/tasks/${ended.id}`)).toMatchObject({ state: 'SUCCESS' })
  const later = await client.send('quick', [], { queue: 'staying' })
  await taskSeen(later.id, ({ state }) => state === 'SUCCESS')
})

it('a killed monitor with a store has lost no end that it had shown, and the next one marks the ends that it missed', async () => {
  const held = await client.send('hold', [], { queue: 'staying' })
  await taskSeen(held.id, isStarted)
  const sent = (async () => {
    const ids: string[] = []
    for (let number = 0; number < 400; number++) ids.push((await client.send('quick', [], { queue: 'staying' })).id)
    return ids
  })()
  // It is in the middle of it.
  const shown = await pollUntil(
    'some have ended',
    () => monitor.get<TaskList>('/api/tasks?name=quick&state=SUCCESS&limit=200'),
    ({ tasks }) => tasks.length >= 50,
    { every: 5 },
  )
  const { failures, totals } = await monitor.get<Overview>('/api/overview')
  expect(failures).toEqual([])
  monitor.program.signal('SIGKILL')
  await monitor.program.exit
  const ids = await sent
  await staying.log.until((record) => record.event === 'task.succeeded' && record.task_id === ids.at(-1))

  monitor = await aMonitor()
  for (const { id } of shown.tasks) {
    expect(await monitor.get<TaskDetail>(`/api/tasks/${id}`)).toMatchObject({ state: 'SUCCESS' })
  }
  const after = await monitor.get<Overview>('/api/overview')
  expect(after.totals.succeeded).toBeGreaterThanOrEqual(totals.succeeded)
  const unfinished = await pollUntil(
    'the ends that were missed are marked',
    async () => {
      const lists = ['STARTED', 'RECEIVED'].map((state) =>
        monitor.get<TaskList>(`/api/tasks?name=quick&state=${state}&limit=200`),
      )
      return (await Promise.all(lists)).flatMap(({ tasks }) => tasks)
    },
    (tasks) => tasks.every(({ unknownSince }) => unknownSince !== undefined),
  )
  expect(new Set(unfinished.map((task) => task.unknownSince)).size).toBeLessThanOrEqual(1)
  await taskSeen(held.id, isStarted)
})
