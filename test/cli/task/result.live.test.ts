import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { type Finished, runTwq } from '../../support/run-twq.ts'
import { brokerUrl } from '../../support/services.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})
const boom = defineTask({
  name: 'boom',
  run() {
    throw new RangeError('no good')
  },
})
const pair = defineTask({
  name: 'pair',
  positional: ['x'],
  run: ({ x }: { x: number }) => ({ x, next: [x + 1] }),
})

let redis: RedisServer
let scene: WorkerScene
let project: Project
beforeAll(async () => {
  redis = await startRedis()
  scene = await aWorker([add, boom, pair], { resultBackend: redis.url })
  project = aProject({})
})
afterAll(async () => {
  project?.[Symbol.dispose]()
  await scene?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

/** `twq task result`, without anything that it could connect to but the Redis. */
function taskResult(args: readonly string[], resultBackend = redis.url): Promise<Finished> {
  const env = { TWQ_BROKER: 'amqp://nobody:nothing@127.0.0.1:1//', TWQ_RESULT_BACKEND: resultBackend }
  return runTwq(['task', 'result', ...args], { cwd: project.folder, env })
}

/** Sends a task and waits until it has ended. */
async function ended(name: string, args: readonly unknown[]): Promise<string> {
  await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
  const handle = await client.send(name, args as [])
  await handle.result({ timeout: '60s' }).catch(() => {})
  return handle.id
}

describe('twq task result', () => {
  it('prints the value of a task that succeeded, with or without waiting', async () => {
    const id = await ended('pair', [1])
    const value = { status: 0, stdout: `${JSON.stringify({ x: 1, next: [2] }, null, 2)}\n`, stderr: '' }
    expect(await taskResult([id])).toEqual(value)
    expect(await taskResult([id, '--wait', '--timeout', '60s'])).toEqual(value)
    const { status, stdout } = await taskResult([id, '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ id, state: 'SUCCESS', result: { x: 1, next: [2] }, children: [] })
  })

  it('ends with 1 and the error of a task that failed', async () => {
    const id = await ended('boom', [])
    for (const waiting of [[], ['--wait']]) {
      const failed = await taskResult([id, ...waiting])
      expect({ ...failed, stderr: '' }).toEqual({ status: 1, stdout: '', stderr: '' })
      expect(failed.stderr).toContain('RangeError: no good\n    at ')
      expect(failed.stderr).toContain(`error[TWQ_TASK_FAILED]: task[${id}] failed: RangeError('no good')`)
    }
    const { status, stdout } = await taskResult([id, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      id,
      state: 'FAILURE',
      error: { exc_type: 'RangeError', exc_message: ['no good'] },
      traceback: expect.stringContaining('RangeError: no good'),
    })
  })

  it('says that nothing is known of an id, and waits no longer than it is told', async () => {
    const id = randomUUID()
    expect(await taskResult([id])).toEqual({
      status: 75,
      stdout: '',
      stderr: `note: task ${id} is PENDING: nothing is known of it; it waits, was never sent, or its result has expired\n`,
    })
    const asJson = await taskResult([id, '--json'])
    expect(asJson.status).toBe(75)
    expect(JSON.parse(asJson.stdout)).toEqual({ id, state: 'PENDING' })

    const late = await taskResult([id, '--wait', '--timeout', '200ms'])
    expect({ ...late, stderr: '' }).toEqual({ status: 124, stdout: '', stderr: '' })
    expect(late.stderr).toContain(`error[TWQ_RESULT_TIMEOUT]: task[${id}] has no result after 200 ms`)
  })

  it('waits for a task that is sent later', async () => {
    const id = randomUUID()
    await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
    const waiting = taskResult([id, '--wait', '--timeout', '2m'])
    await client.send(add, { x: 20, y: 22 }, { taskId: id, countdown: '1s' })
    expect(await waiting).toEqual({ status: 0, stdout: '42\n', stderr: '' })
  })

  it('says why there is nothing to read where results are sent, or kept by nobody', async () => {
    const sent = await taskResult([randomUUID()], 'rpc')
    expect({ ...sent, stderr: '' }).toEqual({ status: 1, stdout: '', stderr: '' })
    expect(sent.stderr).toContain('error[TWQ_RESULT_UNAVAILABLE]')
    expect(sent.stderr).toContain('With rpc:// only the sender of a task gets its result')
    const none = await taskResult([randomUUID()], 'none')
    expect(none.status).toBe(1)
    expect(none.stderr).toContain("Its resultBackend is 'none'")
  })

  it('says that the Redis is not there', async () => {
    const absent = 'redis://127.0.0.1:1/0'
    const [short, patient] = await Promise.all([
      taskResult([randomUUID(), '--wait', '--timeout', '500ms'], absent),
      taskResult([randomUUID(), '--wait'], absent),
    ])
    expect({ ...short, stderr: '' }).toEqual({ status: 124, stdout: '', stderr: '' })
    expect(short.stderr).toContain("The result backend can't be asked: ")
    expect({ ...patient, stderr: '' }).toEqual({ status: 69, stdout: '', stderr: '' })
    expect(patient.stderr).toContain('error[TWQ_RESULT_BACKEND]')
  })
})
