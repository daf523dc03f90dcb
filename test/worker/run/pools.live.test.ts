import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aProject, type Project } from '../../support/a-project.ts'
import { type CalledWorker, calledWorker } from '../../support/called-worker.ts'
import type { PythonCaller } from '../../support/python-caller.ts'
import { uniqueName } from '../../support/services.ts'
import type { TwqWorker } from '../../support/twq-worker.ts'
import { pollUntil } from '../../support/until.ts'

const TASKS = `
  import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineTask } from 'twq'

  export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
  export const where = defineTask({ name: 'where', run: () => process.pid })
  export const forever = defineTask({ name: 'forever', run: () => sleep(600_000, undefined, { ref: false }) })
  export const limited = defineTask({
    name: 'limited',
    timeLimit: { soft: 300, hard: '10m' },
    run: (_: object, ctx) => sleep(600_000, undefined, { signal: ctx.signal }),
  })
  export const spin = defineTask({
    name: 'spin',
    positional: ['file?'],
    run({ file }: { file?: string }) {
      if (file) writeFileSync(file, String(process.pid))
      for (;;);
    },
  })

  export const block = defineTask({
    name: 'block',
    positional: ['ms'],
    run({ ms }: { ms: number }) {
      const end = Date.now() + ms
      while (Date.now() < end);
    },
  })

  /** Computes, without ever looking up, until another attempt computes too. */
  export const crowd = defineTask({
    name: 'crowd',
    positional: ['file'],
    run({ file }: { file: string }, ctx) {
      appendFileSync(file, ctx.id + '\\n')
      while (readFileSync(file, 'utf8').trim().split('\\n').length < 2);
      return true
    },
  })

  /** Kills its own process, unless it did so before. */
  export const killOnce = defineTask({
    name: 'kill-once',
    positional: ['file'],
    run({ file }: { file: string }, ctx) {
      if (existsSync(file)) return { redelivered: ctx.redelivered }
      writeFileSync(file, '')
      process.kill(process.pid, 'SIGKILL')
      for (;;);
    },
  })

  /** Kills its own process, and is not to run again. */
  export const killFailing = defineTask({
    name: 'kill-failing',
    rejectOnLost: false,
    run() {
      process.kill(process.pid, 'SIGKILL')
      for (;;);
    },
  })

  export const report = defineTask({
    name: 'report',
    async run(_: object, ctx) {
      await ctx.progress({ done: 1 })
      const sum = await ctx.send('add', [1, 2], { queue: ctx.queue })
      return sum.id.length
    },
  })
  export const ask = defineTask({
    name: 'ask',
    run: async (_: object, ctx) => (await ctx.send('add', [1, 2], { queue: ctx.queue })).result({ timeout: '1m' }),
  })
`

let project: Project
beforeAll(() => {
  project = aProject({ 'worker.config.ts': "export default { tasks: ['./tasks.ts'] }", 'tasks.ts': TASKS })
})
afterAll(() => project[Symbol.dispose]())

describe.each([
  { pool: 'threads', flags: ['--pool', 'threads'] },
  { pool: 'processes', flags: ['--pool', 'prefork'] },
])('tasks that Python sends to a pool of $pool', ({ pool, flags }) => {
  let called: CalledWorker
  let worker: TwqWorker
  let python: PythonCaller
  beforeAll(async () => {
    called = await calledWorker(project, '--concurrency', '2', '--loglevel', 'debug', ...flags)
    ;({ worker, python } = called)
  })
  afterAll(() => called?.[Symbol.asyncDispose]())

  it('run where the pool says', async () => {
    const pid = await python.get(await python.sendTask('where'))
    expect(pid === worker.program.pid).toBe(pool === 'threads')
  })

  it('report states and send tasks through the worker', async () => {
    const id = await python.sendTask('report')
    expect(await python.watch(id)).toMatchObject([
      { status: 'PROGRESS', result: { done: 1 } },
      { status: 'SUCCESS', result: 36 },
    ])
  })

  it('read the results of tasks that they send', async () => {
    expect(await python.get(await python.sendTask('ask'))).toBe(3)
  })

  it('compute side by side', async () => {
    const file = join(project.folder, uniqueName('crowd'))
    const ids = await python.sendMany(2, 'crowd', [file])
    expect(await python.getAll(ids)).toEqual([true, true])
  })

  it("raise TimeLimitExceeded at Python's hard limit, even from a loop without end, and others go on", async () => {
    // Celery 5.6 connects anew in each second that it waits, and loses what arrives in that moment.
    const id = await python.sendTask('spin', [], { time_limit: 1.5 })
    await expect(python.get(id)).rejects.toMatchObject({ type: 'TimeLimitExceeded', args: [1.5] })
    expect(await python.getAll(await python.sendMany(4, 'add', [1, 2]))).toEqual([3, 3, 3, 3])
  })

  it('end when Python terminates them, even in a loop without end', async () => {
    const id = await python.sendTask('spin', [], { task_id: uniqueName('terminated') })
    await worker.until('task.received', { task_id: id })
    await pollUntil(
      'the running task',
      () => python.inspect('active'),
      (answer) => JSON.stringify(answer).includes(id),
    )
    await python.broadcast('terminate', { arguments: { task_id: id, signal: 'SIGTERM' } })
    await expect(python.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['terminated'] })
    expect(await python.getAll(await python.sendMany(4, 'add', [1, 2]))).toEqual([3, 3, 3, 3])
  })

  it("raise SoftTimeLimitExceeded at the task's soft limit", async () => {
    const id = await python.sendTask('limited')
    await expect(python.get(id)).rejects.toMatchObject({ type: 'SoftTimeLimitExceeded' })
  })

  it('leave nothing behind when the worker stops', async () => {
    const pids = new Set(await python.getAll(await python.sendMany(10, 'where')))
    worker.signal('SIGTERM')
    expect(await worker.exit).toEqual({ code: 0, signal: null })
    await pollUntil(
      'the members',
      () => [...pids].filter((pid) => isAlive(pid as number)),
      (alive) => alive.length === 0,
    )
  })
})

it('a task whose process is killed by the kernel runs again, or fails if it is to, and none beside it is lost', async () => {
  await using called = await calledWorker(project, '--pool', 'processes', '--concurrency', '2')
  const { worker, python } = called
  await python.sendMany(20, 'add', [1, 2])
  const killed = await python.sendTask('kill-once', [join(project.folder, uniqueName('kill'))])
  await python.sendMany(20, 'add', [3, 4])
  expect(await python.get(killed)).toEqual({ redelivered: true })
  await worker.log.untilCount(41, ({ event }) => event === 'task.succeeded')
  expect(worker.records('task.lost')).toHaveLength(1)

  const failed = await python.sendTask('kill-failing')
  await expect(python.get(failed)).rejects.toMatchObject({ type: 'WorkerLostError', module: 'billiard.exceptions' })
})

it('a process ends with its worker, even in a loop without end', async () => {
  await using called = await calledWorker(project, '--pool', 'processes', '--concurrency', '1')
  const { worker, python } = called
  const file = join(project.folder, uniqueName('pid'))
  await python.sendTask('spin', [file])
  const pid = await pollUntil('the process', () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0), Boolean)
  worker.signal('SIGKILL')
  await worker.exit
  await pollUntil(
    'the orphan',
    () => isAlive(pid),
    (alive) => !alive,
  )
})

it('a task on the event loop is given up at the hard limit of the configuration, and its place is free', async () => {
  await using called = await calledWorker(project, '--concurrency', '1', '--time-limit', '1.5')
  const { worker, python } = called
  const id = await python.sendTask('forever')
  const next = await python.sendTask('add', [1, 2])
  await expect(python.get(id)).rejects.toMatchObject({ type: 'TimeLimitExceeded', module: 'billiard.exceptions' })
  expect(await python.get(next)).toBe(3)
  expect(worker.records('task.abandoned')).toMatchObject([{ task_id: id, abandoned: 1 }])
})

it('a task that blocks the event loop is named, with how long', async () => {
  await using called = await calledWorker(project)
  const { worker, python } = called
  const id = await python.sendTask('block', [1_500])
  const line = await worker.until('loop.blocked')
  expect(line).toMatchObject({ task: 'block', task_id: id, blocked_ms: expect.any(Number) })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
