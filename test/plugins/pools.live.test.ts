import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { aProject } from '../support/a-project.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'

const TASKS = `
  import { defineTask } from 'twq'
  export const echo = defineTask({
    name: 'echo',
    positional: ['x'],
    run: ({ x }: { x: number }, ctx) => ({ x, headers: ctx.request.headers }),
  })
  export const parent = defineTask({
    name: 'parent',
    run: async (_: object, ctx) => (await ctx.send('echo', [1])).id,
  })
  export const flaky = defineTask({
    name: 'flaky',
    run: (_: object, ctx) => (ctx.attempt === 1 ? ctx.retry({ countdown: 1 }) : ctx.request.headers),
  })
  export const doomed = defineTask({ name: 'doomed', rejectOnLost: false, run: () => 'never' })
`

// Imports, so that every member loads it as a module of its own.
const CONFIG = `
  import { existsSync } from 'node:fs'
  import { defineConfig } from 'twq'

  const tracing = {
    name: 'tracing',
    start(host) {
      host.logger.info({ event: 'plugin-started', role: host.role, pool: host.pool }, 'started')
      if (existsSync('./broken-' + host.role)) throw new Error('no collector')
      return () => host.logger.info({ event: 'plugin-stopped', role: host.role }, 'stopped')
    },
    async aroundAttempt(attempt, next) {
      const { task } = attempt
      attempt.passOn.trace = 'of ' + task
      if (task === 'echo') attempt.context.log.info({ event: 'plugin-saw', headers: attempt.message.headers }, 'saw')
      if (task === 'doomed') process.exit(3)
      if (attempt.args[0] === 7) attempt.args = [70]
      if (attempt.args[0] === 8) throw new RangeError('not eight')
      const result = await next()
      return task === 'echo' ? { ...result, around: task } : result
    },
    async aroundSend(send, next) {
      const before = send.headers.sends ?? 0
      send.headers.sends = before + 1
      send.headers.trace = send.kind + ' ' + (send.passOn.trace ?? 'none')
      return await next()
    },
  }
  export default defineConfig({ tasks: ['./tasks.ts'], plugins: [tracing], concurrency: 2 })
`

/** A worker whose plugin is in its configuration file, and a client without one. */
async function aScene(pool: string) {
  const project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
  const queue = uniqueName('plugins')
  const args = ['--queues', queue, '--pool', pool, '--log-format', 'json']
  const worker = await startTwqWorker({ project: project.folder, broker: brokerUrl(), args })
  const client = createClient({ broker: brokerUrl(), queue })
  return {
    project,
    worker,
    client,
    async [Symbol.asyncDispose]() {
      await client.close()
      await worker[Symbol.asyncDispose]()
      project[Symbol.dispose]()
    },
  }
}

describe.each(['async', 'solo', 'threads', 'processes'])(
  'with the pool %s, a plugin of the configuration file',
  (pool) => {
    const members = pool === 'threads' || pool === 'processes' ? 2 : 0

    it('starts once in the worker and once in each member, surrounds attempts and sends, and stops', async () => {
      await using scene = await aScene(pool)
      const { worker, client } = scene
      const starts = worker.records('plugin-started')
      expect(starts.filter(({ role }) => role === 'worker')).toHaveLength(1)
      expect(starts.filter(({ role }) => role === 'member')).toHaveLength(members)
      expect(starts[0]).toMatchObject({ plugin: 'tracing', pool })

      expect(await (await client.send('echo', [7])).result()).toEqual({ x: 70, headers: {}, around: 'echo' })
      await expect((await client.send('echo', [8])).result()).rejects.toMatchObject({
        message: expect.stringContaining('not eight'),
      })

      const child = (await (await client.send('parent')).result()) as string
      // A send that was relayed and surrounded once more would have two.
      expect(await worker.until('plugin-saw', { task_id: child })).toMatchObject({
        headers: { sends: 1, trace: 'task none' },
      })
      expect(await (await client.send('flaky')).result()).toEqual({ sends: 1, trace: 'retry of flaky' })

      worker.signal('SIGTERM')
      await worker.exit
      expect(
        worker
          .records('plugin-stopped')
          .map(({ role }) => role)
          .sort(),
      ).toEqual([...Array(members).fill('member'), 'worker'])
    })
  },
)

describe('with the pool processes, a plugin', () => {
  it('that ends its process loses that attempt, and is started in the next process', async () => {
    await using scene = await aScene('processes')
    const { worker, client } = scene
    await expect((await client.send('doomed')).result()).rejects.toMatchObject({
      message: expect.stringContaining('exited prematurely'),
    })
    await worker.until('pool.member-gone')
    await worker.log.until(() => worker.records('plugin-started').length === 4)
    expect(await (await client.send('echo', [1])).result()).toMatchObject({ x: 1 })
  })

  it('that can not be started in a process later has that one replaced, with back-off', async () => {
    await using scene = await aScene('processes')
    const { project, worker, client } = scene
    const broken = join(project.folder, 'broken-member')
    writeFileSync(broken, '')
    await (await client.send('doomed')).result().catch(() => {})
    const failed = await worker.until('pool.member-failed')
    expect(failed).toMatchObject({ error: "plugin 'tracing' can't be started: no collector" })
    expect(failed.in_ms).toBeGreaterThan(0)
    rmSync(broken)
    await worker.log.until(() => worker.records('plugin-started').length === 4)
    expect(await (await client.send('echo', [1])).result()).toMatchObject({ x: 1 })
  })
})

it.each(['worker', 'member'])(
  'a plugin that can not be started in a %s ends the worker with its name and status 78',
  async (role) => {
    using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS, [`broken-${role}`]: '' })
    const args = ['worker', 'start', '--pool', 'processes', '--queues', uniqueName('plugins'), '--broker', brokerUrl()]
    const { status, stderr } = await runTwq(args, { cwd: project.folder })
    expect(status).toBe(78)
    expect(stderr).toContain("plugin 'tracing' can't be started: no collector")
  },
)
