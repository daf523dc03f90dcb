import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import type { Program } from '../../support/program.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce, withChannel } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

// Celery of 5.5 or later leaves to the broker what is due later, if its queue is a quorum queue on a topic exchange. A
// worker of each language has the same one here.

interface Ran {
  readonly at: number
  readonly by: string
}

const TASKS = 12
const at = defineTask({ name: 'at', run: () => ({ at: Date.now(), by: 'TypeScript' }) })
// Does not try again, as Python's of that name does.
const handOver = defineTask({ name: 'hand_over', run: (_args, ctx) => ({ retries: ctx.attempt - 1 }) })
const queue = uniqueName('both')

let scene: WorkerScene
let python: Program
let caller: PythonCaller

beforeAll(async () => {
  const settings = { broker: brokerUrl(), queue, env: { QUORUM: 'quorum' } }
  const exchange = { name: queue, type: 'topic' } as const
  const queues = [{ name: queue, type: 'quorum', exchange, routingKey: queue } as const]
  scene = await aWorker([at, handOver], { queues, concurrency: 1 })
  await scene.logged('delays.ready')
  python = await startCeleryWorker(settings)
  caller = await PythonCaller.start(settings)
})
afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

/** How many tasks of this name each worker has ended. */
function ended(name: string): number {
  const ours = scene.log.entries.filter(({ event, task }) => event === 'task.succeeded' && task === name)
  return (
    ours.length +
    python.lines.entries.filter((line) => line.includes(`Task ${name}[`) && / succeeded in /.test(line)).length
  )
}

it('the one finds what the other declared, and neither complains', () => {
  expect(python.lines.entries.filter((line) => /delayed delivery|Failed to/.test(line))).toEqual([])
  expect(scene.log.entries.filter(({ event }) => event === 'delays.unusable')).toEqual([])
})

it.each(['Python', 'TypeScript'])('what %s delays is run once and in time, by whom it comes to', async (from) => {
  const before = ended('at')
  const due = Date.now() + 6000
  const eta = new Date(due)
  // Whoever else listens to the exchange hears of them, too, and at the same time.
  const audit = uniqueName('audit')
  await withChannel(async (channel) => {
    await channel.declareQueue({ name: audit, durable: true })
    await channel.bind(audit, queue, '#')
  })
  const sent = Array.from({ length: TASKS }, () =>
    from === 'TypeScript' ? scene.client.send(at, [], { eta }) : caller.sendTask('at', [], { eta: eta.toISOString() }),
  )
  const handles = await Promise.all(sent)
  const ran = (await Promise.all(
    handles.map((handle) => (typeof handle === 'string' ? caller.get(handle) : handle.result())),
  )) as Ran[]
  for (const one of ran) expect(one.at).toBeGreaterThanOrEqual(due)
  expect(new Set(ran.map(({ by }) => by))).toEqual(new Set(['Python', 'TypeScript']))
  await queueOnce(queue, ({ messages }) => messages === 0)
  expect(ended('at') - before).toBe(TASKS)
  await queueOnce(audit, ({ messages }) => messages === TASKS)
  expect(scene.log.entries.filter(({ event }) => event === 'task.delayed')).toEqual([])
})

it('what Python tries again later comes back at its time, to either', async () => {
  const ask = (command: string) =>
    caller.broadcast(command, { arguments: { queue }, destination: [scene.worker.node], limit: 1, timeout: 60 })
  await ask('cancel_consumer')
  // The answer comes before the broker has cancelled it, as Celery's does.
  await queueOnce(queue, ({ consumers }) => consumers === 1)
  const sent = Date.now()
  const id = await caller.sendTask('hand_over', [], { kwargs: { countdown: 3 } })
  await python.until('Retry in 3s')
  await ask('add_consumer')
  expect(await caller.get(id)).toMatchObject({ retries: 1 })
  expect(Date.now()).toBeGreaterThanOrEqual(sent + 3000)
})
