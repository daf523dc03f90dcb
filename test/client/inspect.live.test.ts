import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import type { WorkerAnswers } from '../../src/client/inspector.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { heldTask } from '../support/held-task.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

// A worker in Python and one of ours, asked at once.

const held = heldTask()
const add = defineTask({ name: 'add', positional: ['x', 'y'], rateLimit: '10/s', run: () => 0 })
const pythonQueue = uniqueName('python')
const PYTHON = `${uniqueName('py')}@host`

let ours: WorkerScene
let python: Program
let client: Client

beforeAll(async () => {
  python = await startCeleryWorker({ broker: brokerUrl(), queue: pythonQueue }, { args: ['-n', PYTHON] })
  ours = await aWorker([add, held.task], { concurrency: 2 })
  client = createClient({ broker: brokerUrl(), queue: ours.queue, holdFor: null })
})

afterAll(async () => {
  held.release()
  await client?.close()
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
})

/** What both say; nothing else listens on this broker. */
async function both<Answer>(asked: Promise<WorkerAnswers<Answer>>): Promise<readonly [theirs: Answer, ours: Answer]> {
  const { workers, errors } = await asked
  expect(errors).toEqual(new Map())
  expect([...workers.keys()].sort()).toEqual([PYTHON, ours.worker.node].sort())
  return [workers.get(PYTHON) as Answer, workers.get(ours.worker.node) as Answer]
}

const inspect = () => client.inspect({ destination: [PYTHON, ours.worker.node], timeout: '60s' })

describe('client.inspect', () => {
  it('hears who is there', async () => {
    expect(await both(inspect().ping())).toEqual(['pong', 'pong'])
    expect([...(await client.inspect().ping()).workers.keys()]).toContain(ours.worker.node)
  })

  it('has statistics as numbers', async () => {
    for (const stats of await both(inspect().stats())) {
      expect(stats).toMatchObject({
        pid: expect.any(Number),
        clock: expect.any(Number),
        prefetchCount: expect.any(Number),
        broker: { hostname: expect.any(String), virtualHost: expect.any(String) },
        rusage: { utime: expect.any(Number) },
      })
      expect(stats.pool.maxConcurrency).toBeGreaterThan(0)
    }
  })

  it('knows the tasks with their attributes, and the queues', async () => {
    const [theirs, own] = await both(inspect().registered(['rate_limit', 'ignore_result']))
    expect(own).toContainEqual({ name: 'add', attributes: expect.objectContaining({ rate_limit: '10/s' }) })
    expect(theirs.find(({ name }) => name === 'add')?.attributes.ignore_result).toBe('False')
    const queues = await both(inspect().activeQueues())
    expect(queues.map(([queue]) => queue?.name)).toEqual([pythonQueue, ours.queue])
    for (const [queue] of queues) expect(queue).toMatchObject({ durable: true, exchange: { type: 'direct' } })
  })

  it('has settings in camelCase, texts and clocks', async () => {
    for (const conf of await both(inspect().conf({ withDefaults: true }))) {
      expect(conf).toMatchObject({ taskAcksLate: expect.any(Boolean), taskDefaultQueue: expect.any(String) })
    }
    for (const report of await both(inspect().report())) expect(report).toMatch(/software -> (celery|twq):/)
    for (const clock of await both(inspect().clock())) expect(clock).toBeGreaterThan(0)
  })

  it('finds tasks that run and tasks that wait for their time', async () => {
    const running = await client.send(held.task, { n: 1 })
    await held.started
    const eta = new Date(Math.ceil(Date.now() / 1_000 + 300) * 1_000)
    const waiting = [
      await client.send('add', [1, 2], { queue: pythonQueue, eta }),
      await client.send(add, { x: 1, y: 2 } as never, { eta }),
    ]
    const [, active] = await both(inspect().active())
    expect(active).toMatchObject([{ id: running.id, name: held.task.name, startedAt: expect.any(Date) }])
    const ids = waiting.map(({ id }) => id)
    const scheduled = await pollScheduled(ids)
    expect(scheduled.map((tasks) => tasks[0]?.eta)).toEqual([eta, eta])
    const [, found] = await both(inspect().queryTask([running.id]))
    expect(found.get(running.id)).toMatchObject({ state: 'active', task: { id: running.id } })
    await client.revoke(ids)
    const [, revoked] = await pollRevoked(ids)
    expect(revoked).toEqual(expect.arrayContaining(ids))
  })

  it('rejects where those that are asked are not there', async () => {
    await expect(client.inspect({ destination: ['none@nowhere'], timeout: 10 }).ping()).rejects.toMatchObject({
      code: 'TWQ_NO_WORKER',
      message: 'none of none@nowhere answered within 10 ms',
    })
  })

  it('refuses options that can not be meant', () => {
    expect(() => client.inspect({ timeout: 'soon' })).toThrow(expect.objectContaining({ code: 'TWQ_ARGUMENTS' }))
    expect(() => client.inspect({ destination: [] })).toThrow(expect.objectContaining({ code: 'TWQ_ARGUMENTS' }))
  })
})

function pollScheduled(ids: readonly string[]) {
  return pollUntil(
    'scheduled tasks',
    () => both(inspect().scheduled()),
    (answers) => answers.every((tasks) => tasks.some(({ id }) => ids.includes(id))),
  )
}

function pollRevoked(ids: readonly string[]) {
  return pollUntil(
    'revoked tasks',
    () => both(inspect().revoked()),
    ([, revoked]) => ids.every((id) => revoked.includes(id)),
  )
}
