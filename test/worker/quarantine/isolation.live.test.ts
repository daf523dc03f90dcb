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
  import { appendFileSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineTask } from 'twq'

  export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
  export const where = defineTask({ name: 'where', run: () => process.pid })
  export const die = defineTask({
    name: 'die',
    positional: ['file'],
    run({ file }: { file: string }) {
      appendFileSync(file, 'started ')
      process.kill(process.pid, 'SIGKILL')
      for (;;);
    },
  })
  export const fail = defineTask({
    name: 'fail',
    run() {
      throw new TypeError('no')
    },
  })
  export const spin = defineTask({
    name: 'spin',
    run() {
      for (;;);
    },
  })
  export const wait = defineTask({
    name: 'wait',
    timeLimit: { soft: 200, hard: '10m' },
    run: (_: object, ctx) => sleep(600_000, undefined, { signal: ctx.signal }),
  })
  export const report = defineTask({
    name: 'report',
    async run(_: object, ctx) {
      ctx.log.info({ event: 'reported', redelivered: ctx.redelivered }, 'reporting')
      await ctx.progress({ done: 1 })
      const sum = await ctx.send('add', [1, 2], { queue: ctx.queue })
      return await sum.result({ timeout: '1m' })
    },
  })
`

let project: Project
beforeAll(() => {
  project = aProject({ 'worker.config.ts': "export default { tasks: ['./tasks.ts'] }", 'tasks.ts': TASKS })
})
afterAll(() => project[Symbol.dispose]())

describe.each(['async', 'threads', 'processes'])('suspects of a worker with the pool %s', (pool) => {
  let called: CalledWorker
  let worker: TwqWorker
  let python: PythonCaller
  beforeAll(async () => {
    called = await calledWorker(project, '--concurrency', '1', '--pool', pool, '-E')
    ;({ worker, python } = called)
  })
  afterAll(() => called?.[Symbol.asyncDispose]())
  const send = (task: string, args: unknown[] = [], options = {}) =>
    python.sendTask(task, args, { queue: `${called.queue}.suspects`, ...options })

  it('run one after the other in a process of their own, which is there only once there is one', async () => {
    const ordinary = await python.get(await python.sendTask('where'))
    expect(worker.records('isolation.started')).toEqual([])
    const ids = [await send('where'), await send('where'), await send('where')]
    const [first, ...others] = await python.getAll(ids)
    expect(new Set(others)).toEqual(new Set([first]))
    expect(first).not.toBe(worker.program.pid)
    expect(first).not.toBe(ordinary)
    expect(worker.records('isolation.started')).toMatchObject([{ pids: [first] }])
    expect(await python.get(await python.sendTask('where'))).toBe(ordinary)
  })

  it('report states, log, send tasks, read their results and fail through the worker', async () => {
    expect(await python.watch(await send('report'))).toMatchObject([
      { status: 'PROGRESS', result: { done: 1 } },
      { status: 'SUCCESS', result: 3 },
    ])
    expect(worker.records('reported')).toHaveLength(1)
    await expect(python.get(await send('fail'))).rejects.toMatchObject({ type: 'TypeError', args: ['no'] })
  })

  it('end at their soft limit, at their hard one, and when they are terminated, and others go on', async () => {
    await expect(python.get(await send('wait'))).rejects.toMatchObject({ type: 'SoftTimeLimitExceeded' })
    // Celery 5.6 connects anew in each second that it waits, and loses what arrives in that moment.
    const limited = await send('spin', [], { time_limit: 1.5 })
    await expect(python.get(limited)).rejects.toMatchObject({ type: 'TimeLimitExceeded', args: [1.5] })
    const terminated = await send('spin', [], { task_id: uniqueName('terminated') })
    const active = await pollUntil(
      'the running suspect',
      async () => JSON.stringify(await python.inspect('active')),
      (answer) => answer.includes(terminated),
    )
    expect(active).toContain('spin')
    await python.broadcast('terminate', { arguments: { task_id: terminated, signal: 'SIGTERM' } })
    await expect(python.get(terminated)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['terminated'] })
    expect(await python.get(await send('add', [1, 2]))).toBe(3)
    expect(worker.records('message.quarantined')).toEqual([])
  })

  it('that kill take nobody with them, start maxStarts times, and are then in quarantine with their history', async () => {
    const file = join(project.folder, uniqueName('starts'))
    const killer = await send('die', [file])
    const neighbours = [await send('add', [1, 2]), await send('add', [3, 4]), await python.sendTask('add', [5, 6])]
    expect(await python.getAll(neighbours)).toEqual([3, 7, 11])
    await expect(python.get(killer)).rejects.toMatchObject({ type: 'WorkerLostError' })
    expect(readFileSync(file, 'utf8').trim().split(' ')).toHaveLength(3)
    await worker.until('message.quarantined')
    expect(worker.records('message.quarantined')).toMatchObject([{ task_id: killer, reason: 'WorkerLostError' }])
    // The last attempt is told of once all that follows from its end is done.
    await pollUntil(
      'the end of each attempt',
      () => worker.records('task.lost').length,
      (ended) => ended === 3,
    )
  })

  it('run to their end when the worker is asked to leave, and their process leaves with it', async () => {
    const pid = (await python.get(await send('where'))) as number
    worker.signal('SIGTERM')
    expect(await worker.exit).toEqual({ code: 0, signal: null })
    await pollUntil(
      'their process',
      () => existsSync(`/proc/${pid}`),
      (there) => !there,
    )
  })
})

it('run in the worker where a second process finds other tasks', async () => {
  const tasks = `
    import { defineTask } from 'twq'
    export const where = defineTask({ name: 'where', run: () => process.pid })
    export const other = defineTask({ name: process.connected ? 'member' : 'worker', run: () => {} })
  `
  using other = aProject({ 'worker.config.ts': "export default { tasks: ['./tasks.ts'] }", 'tasks.ts': tasks })
  await using called = await calledWorker(other)
  const { worker, python, queue } = called
  const ids = [1, 2].map(() => python.sendTask('where', [], { queue: `${queue}.suspects` }))
  expect(await python.getAll(await Promise.all(ids))).toEqual([worker.program.pid, worker.program.pid])
  expect(worker.records('isolation.unusable')).toHaveLength(1)
})
