import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/runtime/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl } from '../support/services.ts'

// Commands of one's own, as Celery's app.control.broadcast gives them.

const heard: JsonObject[] = []
const commands = {
  reload_rates: {
    help: 'reads the rates again',
    async run(args: JsonObject) {
      heard.push(args)
      return { reloaded: args.currency ?? null }
    },
  },
  where: {
    kind: 'inspect',
    run: (_: JsonObject, view: { node: string; queues: readonly string[]; tasks: readonly string[] }) => ({
      node: view.node,
      queues: view.queues,
      tasks: view.tasks.filter((name) => name === 'task'),
    }),
  },
  silent: { reply: false, run: (args: JsonObject) => void heard.push(args) },
  fails: {
    run() {
      throw new RangeError('no rates')
    },
  },
  rejects: { run: () => Promise.reject(new RangeError('no rates later')) },
  unsendable: { run: () => () => 1 },
} as const
const task = defineTask({ name: 'task', run: () => null })

let open: WorkerScene
let reading: WorkerScene
let caller: PythonCaller

beforeAll(async () => {
  open = await aWorker([task], { control: { commands } })
  reading = await aWorker([task], { control: { allow: 'read', commands } })
  caller = await PythonCaller.start({ broker: brokerUrl(), queue: open.queue })
})
afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await reading?.[Symbol.asyncDispose]()
  await open?.[Symbol.asyncDispose]()
})

/** The reply of one worker to Celery's broadcast; undefined for none. */
async function broadcast(scene: WorkerScene, command: string, args: JsonObject = {}): Promise<unknown> {
  const { node } = scene.worker
  const replies = await caller.broadcast(command, { arguments: args, destination: [node], timeout: 2, limit: 1 })
  return replies?.[0]?.[node]
}

describe('a command of one’s own', () => {
  it('is given by Celery with arguments, and answers once it is done', async () => {
    expect(await broadcast(open, 'reload_rates', { currency: 'EUR' })).toEqual({ reloaded: 'EUR' })
    expect(heard.at(-1)).toMatchObject({ currency: 'EUR' })
  })

  it('sees the worker that it runs in', async () => {
    expect(await broadcast(open, 'where')).toEqual({ node: open.worker.node, queues: [open.queue], tasks: ['task'] })
  })

  it('that fails, at once or later, answers with its error, as does one whose reply can not be sent', async () => {
    expect(await broadcast(open, 'fails')).toEqual({ error: 'no rates' })
    expect(await broadcast(open, 'rejects')).toEqual({ error: 'no rates later' })
    expect(await broadcast(open, 'unsendable')).toEqual({ error: expect.stringContaining("can't be sent") })
  })

  it('may answer with nothing', async () => {
    expect(await broadcast(open, 'silent', { heard: true })).toBeUndefined()
    expect(heard.at(-1)).toEqual({ heard: true })
  })

  it('is refused where the policy only lets workers be asked, and tells so in the log', async () => {
    expect(await broadcast(reading, 'reload_rates')).toEqual({
      error: "PermissionError('reload_rates is not allowed here')",
    })
    expect(await broadcast(reading, 'where')).toMatchObject({ node: reading.worker.node })
    expect((await reading.logged('control.refused')).method).toBe('reload_rates')
  })

  it('is given by twq control call', async () => {
    const destination = ['-d', open.worker.node]
    const { stdout, status } = await runTwq(
      ['control', 'call', 'reload_rates', 'currency=USD', 'count=3', '--json', ...destination],
      { env: { TWQ_BROKER: brokerUrl() } },
    )
    expect(JSON.parse(stdout)).toEqual([{ [open.worker.node]: { reloaded: 'USD' } }])
    expect(heard.at(-1)).toEqual({ currency: 'USD', count: 3 })
    expect(status).toBe(0)
  })
})
