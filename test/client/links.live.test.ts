import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { signature } from '../../src/canvas/signature.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'
import { Journal } from '../support/until.ts'

// The same calls of a worker in Python and one of ours.

interface Heard {
  readonly what: string
  readonly told: unknown
}

const heard = new Journal<Heard>()
const hear = defineTask({
  name: 'hear',
  positional: ['told', 'what'],
  run: ({ told, what }: { told: unknown; what: string }) => void heard.push({ what, told }),
})
const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const boom = defineTask({
  name: 'boom',
  run() {
    throw new RangeError('boom')
  },
})
const sleep = defineTask({
  name: 'sleep',
  positional: ['seconds'],
  trackStarted: true,
  run: (_args: { seconds: number }, ctx) =>
    new Promise<never>((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
})

let ours: WorkerScene
let python: Program
let client: Client
const pythonQueue = uniqueName('python')

beforeAll(async () => {
  ours = await aWorker([add, boom, sleep, hear])
  python = await startCeleryWorker({ broker: brokerUrl(), queue: pythonQueue }, { pool: 'prefork' })
  client = createClient({ broker: brokerUrl() })
})
afterAll(async () => {
  await client?.close()
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
})

const heardOf = async (what: string): Promise<unknown> => (await heard.until((entry) => entry.what === what)).told
const hearing = (what: string) => signature('hear', { what }, { queue: ours.queue })
const workers = [
  ['Python', () => pythonQueue],
  ['ours', () => ours.queue],
] as const

describe.each(workers)('a task of a worker of %s', (_, queue) => {
  it('is followed by its links, signatures and canvases, with its result', async () => {
    const [one, two] = [uniqueName('one'), uniqueName('two')]
    const added = chain(signature('add', [10], { queue: queue() }), hearing(two))
    const handle = await client.send('add', [1, 2], { queue: queue(), link: [hearing(one), added] })
    expect(await handle.result()).toBe(3)
    expect(await heardOf(one)).toBe(3)
    expect(await heardOf(two)).toBe(13)
  })

  it('that fails is followed by its linkError, with its id', async () => {
    const [failed, never] = [uniqueName('failed'), uniqueName('never')]
    const options = { queue: queue(), link: hearing(never), linkError: hearing(failed) }
    const handle = await client.send('boom', [], options)
    await expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_TASK_FAILED', cause: { message: 'boom' } })
    expect(await heardOf(failed)).toBe(handle.id)
    expect(heard.entries.filter(({ what }) => what === never)).toEqual([])
  })

  it('at the end of a chain has what the send links', async () => {
    const end = uniqueName('end')
    const steps = chain(signature('add', [1, 2], { queue: queue() }), signature('add', [3], { queue: queue() }))
    await client.send(steps, { link: hearing(end) })
    expect(await heardOf(end)).toBe(6)
  })

  it('is revoked by its handle before its time has come', async () => {
    const handle = await client.send('add', [1, 2], { queue: queue(), countdown: '3s' })
    await handle.revoke()
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'TaskRevokedError' } })
  })

  it('is terminated while it runs', async () => {
    const handle = await client.send('sleep', [600], { queue: queue() })
    for await (const { state } of handle.states()) if (state === 'STARTED') break
    await client.revoke([handle.id], { terminate: true, signal: 'SIGKILL' })
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'TaskRevokedError' } })
  })
})

it('a task in a thread links what it sends, and revokes it', async () => {
  const tasks = `import { defineTask, signature } from 'twq'
    export const sends = defineTask({ name: 'sends', positional: ['queue', 'what'], async run({ queue, what }, ctx) {
      const link = signature('hear', { what }, { queue })
      await ctx.send('add', [4, 5], { queue, link })
      const late = await ctx.send('add', [1, 1], { queue, countdown: '2s' })
      await late.revoke()
      return await late.result().catch((error) => error.cause.type)
    } })`
  const queue = uniqueName('thread')
  const args = ['--queues', queue, '--pool', 'threads', '--concurrency', '1']
  await using _worker = await startTwqWorker({ tasks, broker: brokerUrl(), args })
  const what = uniqueName('thread')
  const handle = await client.send('sends', [ours.queue, what], { queue })
  expect(await heardOf(what)).toBe(9)
  expect(await handle.result()).toBe('TaskRevokedError')
})

it('what is no signature can not be linked', async () => {
  await expect(client.send('add', [1, 2], { link: 'hear' as never })).rejects.toMatchObject({
    code: 'TWQ_ARGUMENTS',
    message: 'send option link must be signatures, got "hear"',
  })
})
