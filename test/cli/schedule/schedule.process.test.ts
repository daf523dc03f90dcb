import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DevBroker, startDevBroker } from '../../../src/devbroker/server.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { Program } from '../../support/program.ts'
import { runTwq } from '../../support/run-twq.ts'

const TWQ = fileURLToPath(new URL('../../../bin/twq.js', import.meta.url))
const CONFIG = `export default {
  nodeName: 'lead@here',
  schedules: {
    nightly: { task: 'reports.nightly', args: [1], cron: '0 3 * * *', tz: 'Europe/Berlin', queue: 'reports' },
  },
}
`

let broker: DevBroker
let project: Project
let leader: Program

beforeAll(async () => {
  broker = await startDevBroker()
  project = aProject({ 'worker.config.ts': CONFIG })
  leader = new Program(process.execPath, [TWQ, 'schedule', 'run', '--broker', broker.url], {
    cwd: project.folder,
    env: {},
  })
  await leader.lines.until((line) => line.includes('schedules.leading'))
})

afterAll(async () => {
  await leader?.[Symbol.asyncDispose]()
  project?.[Symbol.dispose]()
  await broker?.[Symbol.asyncDispose]()
})

const twq = (...args: readonly string[]) =>
  runTwq(['schedule', ...args, '--broker', broker.url], { cwd: project.folder, env: { TZ: 'UTC' } })

it('lists schedules with their leader', async () => {
  const { status, stdout, stderr } = await twq('list')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^NAME +TASK +WHEN +STATE +NEXT +SENT$/m)
  expect(stdout).toMatch(
    /^nightly +reports\.nightly +0 3 \* \* \* \(Europe\/Berlin\) +active +\d{4}-\d\d-\d\d 0[12]:00:00 UTC +-$/m,
  )
  expect(stderr).toContain('led by lead@here')
})

it('shows one, with its next time here and there', async () => {
  const { stdout } = await twq('show', 'nightly')
  expect(stdout).toMatch(/^source +configuration$/m)
  expect(stdout).toMatch(/^next +\S+ 0[12]:00:00 UTC$/m)
  expect(stdout).toMatch(/^next_there +\S+ 03:00:00 \S+$/m)
})

it('says when one is due, as a table and as JSON', async () => {
  const table = await twq('next', 'nightly', '--count', '2')
  expect(table.stdout).toMatch(/^LOCAL +Europe\/Berlin\n\S+ 0[12]:00:00 UTC +\S+ 03:00:00 \S+\n\S+ 0[12]/)
  const json = await twq('next', 'nightly', '--json')
  expect(JSON.parse(json.stdout)).toHaveLength(5)
})

it('sets a schedule, pauses, resumes, triggers and removes it', async () => {
  expect(await twq('set', 'often', 'greet', '["you"]', '--every', '1h', '--queue', 'hello')).toMatchObject({
    status: 0,
    stdout: 'applied\n',
  })
  expect(await twq('pause', 'often')).toMatchObject({ status: 0, stdout: 'applied\n' })
  expect(JSON.parse((await twq('show', 'often', '--json')).stdout)).toMatchObject({
    source: 'set',
    state: 'paused',
    definition: { args: ['you'], every: '1h', queue: 'hello' },
  })
  await twq('resume', 'often')
  const { stdout: id } = await twq('trigger', 'often')
  expect(id).toMatch(/^[0-9a-f-]{36}\n$/)
  expect(JSON.parse((await twq('show', 'often', '--json')).stdout)).toMatchObject({ lastRun: { id: id.trim() } })
  expect(await twq('remove', 'often')).toMatchObject({ status: 0 })
})

it('takes durations in seconds, a priority and what is to overlap', async () => {
  const options = ['--every', '90', '--priority', '5', '--overlap', 'skip', '--overlap-timeout', '10m']
  expect(await twq('set', 'options', 'greet', ...options)).toMatchObject({ status: 0 })
  expect(JSON.parse((await twq('show', 'options', '--json')).stdout)).toMatchObject({
    definition: { every: '90s', priority: 5, overlap: 'skip', overlapTimeout: '10m' },
  })
  await twq('remove', 'options')
  expect(await twq('set', 'options', 'greet', '--every', '1m', '--priority', 'high')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('"high"'),
  })
})

it('says what can not be done, with the reason', async () => {
  expect(await twq('remove', 'nightly')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("schedule 'nightly' is in the configuration of the workers"),
  })
  expect(await twq('set', 'x', 'greet', '--cron', '* *')).toMatchObject({
    stderr: expect.stringContaining("schedule 'x'.cron can't be read"),
  })
  expect(await twq('show', 'unknown')).toMatchObject({
    stderr: expect.stringContaining("there is no schedule 'unknown'"),
  })
})

it('ends with 69 where no worker leads', async () => {
  const { status, stderr } = await runTwq(['schedule', 'list', '--broker', broker.url], {
    cwd: project.folder,
    env: { TWQ_SCHEDULES_NAMESPACE: 'other' },
  })
  expect(status).toBe(69)
  expect(stderr).toContain("no worker leads the schedules of the namespace 'other'")
})

it('says that the broker is away, and ends at a signal meanwhile', async () => {
  const args = [TWQ, 'schedule', 'run', '--broker', 'amqp://127.0.0.1:1//']
  await using lonely = new Program(process.execPath, args, { cwd: project.folder, env: {} })
  await lonely.until('broker.retrying')
  lonely.signal('SIGINT')
  expect(await lonely.exit).toMatchObject({ code: 0 })
})
