import { afterAll, beforeAll, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

// Tasks that return what they sent: in Python, here, and here in a thread.

const tasks = `import { chain, defineTask, group, signature } from 'twq'
  const add = (queue, ...args) => signature('add', args, { queue })
  export const add_ = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }) => x + y })
  export const one = defineTask({ name: 'hands_on', positional: ['queue'], run: ({ queue }, ctx) => ctx.send('add', [1, 2], { queue }) })
  export const steps = defineTask({ name: 'hands_on_chain', positional: ['queue'], run: ({ queue }, ctx) =>
    ctx.send(chain(add(queue, 1, 2), add(queue, 3))) })
  export const side = defineTask({ name: 'hands_on_group', positional: ['queue'], run: ({ queue }, ctx) =>
    ctx.send(chain(add(queue, 1, 2), group(add(queue, 1), add(queue, 2)))) })`

const queues = { Python: uniqueName('python'), ours: uniqueName('ours'), 'ours in a thread': uniqueName('thread') }
let python: Program
let workers: readonly TwqWorker[]
let client: Client
let caller: PythonCaller

beforeAll(async () => {
  const broker = brokerUrl()
  python = await startCeleryWorker({ broker, queue: queues.Python })
  const start = (queue: string, pool: string) =>
    startTwqWorker({ tasks, broker, args: ['--queues', queue, '--pool', pool, '--concurrency', '2'] })
  workers = [await start(queues.ours, 'async'), await start(queues['ours in a thread'], 'threads')]
  client = createClient({ broker })
  caller = await PythonCaller.start({ broker, queue: queues.ours })
})
afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await client?.close()
  for (const worker of workers ?? []) await worker[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
})

const id = expect.stringMatching(/^[0-9a-f-]{36}$/)
const task = [[id, null], null]
const shapes = {
  hands_on: task,
  hands_on_chain: [[id, task], null],
  hands_on_group: [
    [id, task],
    [task, task],
  ],
}

for (const [whose, queue] of Object.entries(queues)) {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`a worker of ${whose} gives the caller of ${name} the ids of what it sent`, async () => {
      const sent = await client.send(name, [queue], { queue })
      expect(await sent.result()).toEqual(shape)
    })
  }
}

it('Python makes results of them again', async () => {
  const names = await caller.evaluate(
    `[type(__import__("celery").result.result_from_tuple(get(send_task(name, [${JSON.stringify(queues.ours)}])))).__name__ for name in ("hands_on", "hands_on_group")]`,
  )
  expect(names).toEqual(['AsyncResult', 'GroupResult'])
})

it('the handles of a client are written so, too', async () => {
  const add = signature('add', [1, 2], { queue: queues.ours })
  const handle = await client.send(chain(add, group(add.set({ immutable: true }), add.set({ immutable: true }))))
  expect(JSON.parse(JSON.stringify(handle))).toEqual([
    [handle.id, [[handle.parent.id, null], null]],
    [task, task],
  ])
})
