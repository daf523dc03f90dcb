import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { blocksOf } from '../readme/blocks.ts'
import { aProject } from '../support/a-project.ts'
import { startRedis } from '../support/provision/redis.ts'
import { runTwq } from '../support/run-twq.ts'
import { SentryServer } from '../support/sentry-server.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

const RECIPES = blocksOf(join(import.meta.dirname, '../../docs/recipes.md')).filter(({ language }) => language === 'ts')

const TASKS = `
  import { setTimeout as sleep } from 'node:timers/promises'
  import * as Sentry from '@sentry/node'
  import { defineTask, Ignore, Reject } from 'twq'
  import { database } from './database.ts'

  export const visit = defineTask({ name: 'visit', run: () => database().incr('visits') })
  export const fails = defineTask({
    name: 'fails',
    positional: ['mark'],
    async run({ mark }: { mark: string }) {
      Sentry.setTag('mark', mark)
      await sleep(50)
      throw new RangeError('failed ' + mark)
    },
  })
  export const flaky = defineTask({
    name: 'flaky',
    retry: { limit: 1, delay: { base: 1 } },
    run: (_: object, ctx) => {
      throw new Error('attempt ' + ctx.attempt)
    },
  })
  export const expected = defineTask({
    name: 'expected',
    positional: ['how'],
    run: ({ how }: { how: string }, ctx) => {
      if (how === 'reject') throw new Reject('not wanted')
      if (how === 'ignore') throw new Ignore()
      if (ctx.attempt === 1) ctx.retry({ countdown: 0 })
      return 'done'
    },
  })
  export const waits = defineTask({
    name: 'waits',
    trackStarted: true,
    run: (_: object, ctx) => sleep(60_000, undefined, { signal: ctx.signal }),
  })
  export const overruns = defineTask({ name: 'overruns', timeLimit: { hard: 300 }, run: () => sleep(2_000) })
`

const CONFIG = `
  import { defineConfig } from 'twq'
  import { databasePlugin } from './database.ts'
  import { sentry } from './sentry.ts'

  export default defineConfig({ tasks: ['./tasks.ts'], plugins: [sentry({ retries: process.env.REPORT_RETRIES !== undefined }), databasePlugin], concurrency: 2 })
`

function aRecipeProject() {
  const files = RECIPES.map(({ text }): [string, string] => [/^\/\/ (\S+)/.exec(text)![1]!, text])
  return aProject(
    { ...Object.fromEntries(files), 'tasks.ts': TASKS, 'worker.config.ts': CONFIG },
    { type: 'module', packages: ['@sentry/node', 'ioredis'] },
  )
}

const count = (worker: TwqWorker, event: string) => worker.records(event).length

it.each([
  ['async', 1],
  ['solo', 1],
  ['threads', 2],
  ['processes', 2],
] as const)(
  'with the pool %s, Sentry hears of each failure once, and %i pools of connections open and close',
  async (pool, pools) => {
    await using redis = await startRedis()
    await using server = await SentryServer.start()
    using project = aRecipeProject()
    const queue = uniqueName('recipes')
    await using worker = await startTwqWorker({
      project: project.folder,
      broker: brokerUrl(),
      env: { SENTRY_DSN: server.dsn, DATABASE_URL: redis.url },
      args: ['--queues', queue, '--pool', pool, '--log-format', 'json'],
    })
    await using client = createClient({ broker: brokerUrl(), queue })
    const sent = (name: string, ...args: string[]) => client.send(name, args)
    const ended = async (name: string, ...args: string[]) => {
      const handle = await sent(name, ...args)
      await handle.result().catch(() => {})
      return handle.id
    }

    expect(await (await sent('visit')).result()).toBe(1)
    const [one, two, flaky, unfit, overrun] = await Promise.all([
      ended('fails', 'one'),
      ended('fails', 'two'),
      ended('flaky'),
      ended('fails'),
      ended('overruns'),
      ended('expected', 'retry'),
    ])
    const revoked = await sent('waits')
    for await (const { state } of revoked.states()) if (state === 'STARTED') await revoked.revoke({ terminate: true })
    await Promise.all([sent('expected', 'reject'), sent('expected', 'ignore')])
    await Promise.all([worker.until('task.rejected'), worker.until('task.ignored')])
    expect(await (await sent('visit')).result()).toBe(2)

    worker.signal('SIGTERM')
    expect((await worker.exit).code).toBe(0)
    const facts = server.events.entries.map(({ tags, transaction, exception, message }) => ({
      ...tags,
      what: exception?.values.at(-1)?.value ?? message,
      transaction,
    }))
    const of = (task: string, task_id: string, what: unknown, more: object = {}) =>
      expect.objectContaining({ task, task_id, retries: 0, what, ...more })
    expect(facts).toHaveLength(5)
    expect(facts).toEqual(
      expect.arrayContaining([
        of('fails', one, 'failed one', { mark: 'one', transaction: 'fails' }),
        of('fails', two, 'failed two', { mark: 'two' }),
        of('flaky', flaky, 'attempt 2', { retries: 1 }),
        of('fails', unfit, expect.stringContaining('mark')),
        of('overruns', overrun, 'overruns: TimeLimitExceeded'),
      ]),
    )
    // A process that was ended has closed nothing, and another one has taken its place.
    const killed = count(worker, 'pool.member-gone')
    expect(count(worker, 'database.opened')).toBe(pools + killed)
    expect(count(worker, 'database.closed')).toBe(pools)
  },
)

it('reports retries where that is asked for', async () => {
  await using redis = await startRedis()
  await using server = await SentryServer.start()
  using project = aRecipeProject()
  const queue = uniqueName('recipes')
  await using worker = await startTwqWorker({
    project: project.folder,
    broker: brokerUrl(),
    env: { SENTRY_DSN: server.dsn, DATABASE_URL: redis.url, REPORT_RETRIES: 'yes' },
    args: ['--queues', queue, '--log-format', 'json'],
  })
  await using client = createClient({ broker: brokerUrl(), queue })
  await (await client.send('flaky')).result().catch(() => {})
  worker.signal('SIGTERM')
  await worker.exit
  expect(server.events.entries.map(({ tags }) => tags.retries)).toEqual([0, 1])
})

it('a worker whose database is away does not start, and says why', async () => {
  await using server = await SentryServer.start()
  using project = aRecipeProject()
  const { status, stderr } = await runTwq(
    ['worker', 'start', '--broker', brokerUrl(), '--queues', uniqueName('recipes')],
    {
      cwd: project.folder,
      env: { SENTRY_DSN: server.dsn, DATABASE_URL: 'redis://127.0.0.1:1/0' },
    },
  )
  expect(status).toBe(78)
  expect(stderr).toContain("plugin 'database' can't be started: ")
})
