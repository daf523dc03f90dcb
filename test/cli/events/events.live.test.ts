import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { ClusterState } from '../../../src/events/cluster-state.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'
import { aWorker } from '../../support/a-worker.ts'
import { Program } from '../../support/program.ts'
import { runPython, startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { cleanEnvironment } from '../../support/run-twq.ts'
import { add, boom, flaky } from '../../support/sample-tasks.ts'
import { brokerUrl } from '../../support/services.ts'

const TWQ = fileURLToPath(new URL('../../../bin/twq.js', import.meta.url))

/** `twq …` that goes on until it is stopped. */
function twq(...args: string[]): Program {
  const env = { ...cleanEnvironment(), TZ: 'UTC' }
  return new Program(process.execPath, [TWQ, ...args, '--broker', brokerUrl()], { env })
}

it('prints the tasks of a worker in Python and of ours, asked to tell of them, until Ctrl-C', async () => {
  const queue = `python-${randomUUID()}`
  await using _python = await startCeleryWorker({ broker: brokerUrl(), queue }, { args: ['--hostname', 'python@test'] })
  await using ours = await aWorker([add, boom])
  await using caller = await PythonCaller.start({ broker: brokerUrl(), queue })
  await using lines = twq('events', '--enable', '--type', 'task-*', '--type', 'worker-heartbeat')
  await lines.until('listening')
  for (const node of ['python@test', ours.worker.node]) {
    await lines.output.until((line) => line.includes(node) && line.includes('worker-heartbeat'))
  }

  // Both were started without task events: they send them once they have heard of it.
  const theirs = async (): Promise<string> => {
    const id = await caller.sendTask('add', [20, 22])
    await caller.get(id)
    return id
  }
  const seen = (id: string) => lines.output.entries.filter((line) => line.includes(id))
  let id = await theirs()
  const isWhole = () =>
    ['task-received', 'task-succeeded'].every((type) => seen(id).some((line) => line.includes(type)))
  while (!isWhole()) id = await theirs()
  expect(seen(id)).toEqual([
    expect.stringMatching(/^\d{4}-.*Z {2}python@test {2}task-received {5}add\[.*\] {2}[[(]20, 22[\])] \{\}/),
    expect.stringMatching(/task-started {6}add\[/),
    expect.stringMatching(/task-succeeded {4}add\[.*\] {2}42 in \d+ ms$/),
  ])

  const failed = await ours.client.send(boom)
  await lines.output.until((line) => line.includes(failed.id) && line.includes('task-failed'))
  expect(seen(failed.id).at(-1)).toContain('boom')
  lines.signal('SIGINT')
  expect(await lines.exit).toMatchObject({ code: 0 })
})

it("computes from a worker's events what Celery's own state computes from them", async () => {
  await using ours = await aWorker([add, boom, flaky], { events: true })
  const { client } = ours
  const controller = new AbortController()
  const stream = client.events({ signal: controller.signal })
  await stream.ready
  const events: CeleryEvent[] = []
  const handles = [await client.send(add, { x: 1, y: 2 }), await client.send(boom), await client.send(flaky)]
  const open = new Set(handles.map(({ id }) => id))
  for await (const event of stream) {
    events.push(event)
    const over = event.type === 'task-succeeded' || event.type === 'task-failed'
    if (over && event.uuid !== undefined && open.delete(event.uuid) && open.size === 0) break
  }
  // Also as if some had come late.
  const shuffled = events.toSorted((a, b) => (a.clock % 3) - (b.clock % 3))
  for (const order of [events, shuffled]) {
    const ourState = new ClusterState()
    for (const event of order) ourState.apply(event)
    const celery = (await runPython('fold.py', { broker: brokerUrl() }, { input: order })) as Folded
    for (const [uuid, fields] of Object.entries(celery.tasks)) {
      const view: Readonly<Record<string, unknown>> = { ...ourState.tasks.get(uuid) }
      const ourFields = Object.fromEntries(Object.keys(fields).map((field) => [field, view[camelCase(field)] ?? null]))
      expect(ourFields).toEqual(fields)
    }
    expect(Object.keys(celery.tasks).sort()).toEqual([...ourState.tasks.keys()].sort())
    for (const [node, fields] of Object.entries(celery.workers)) {
      const view: Readonly<Record<string, unknown>> = { ...ourState.workers.get(node) }
      const ourFields = Object.fromEntries(Object.keys(fields).map((field) => [field, view[camelCase(field)] ?? null]))
      expect(ourFields).toEqual(fields)
    }
  }
})

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

interface Folded {
  readonly tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly workers: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
