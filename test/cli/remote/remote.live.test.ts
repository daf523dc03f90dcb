import { afterAll, beforeAll, expect, it } from 'vitest'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import type { Program } from '../../support/program.ts'
import { python as pythonWith } from '../../support/provision/python.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { type Finished, runTwq } from '../../support/run-twq.ts'
import { brokerUrl, celeryRelease, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

// Our shell, a Python worker and ours.

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: () => 0 })

let scene: WorkerScene
let python: Program
const theirQueue = uniqueName('python')
const theirNode = `${theirQueue}@test`

beforeAll(async () => {
  const args = ['--hostname', theirNode]
  python = await startCeleryWorker({ broker: brokerUrl(), queue: theirQueue }, { pool: 'prefork', args })
  scene = await aWorker([add])
})

afterAll(async () => {
  await python?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

function twq(...args: string[]): Promise<Finished> {
  const patience = args.includes('-t') ? [] : ['-t', '60s']
  return runTwq([...args, '--broker', brokerUrl(), ...patience])
}

/** Both workers, as a destination. */
const both = (): string[] => ['-d', `${theirNode},${scene.worker.node}`]

it.each([
  ['inspect', 'stats'],
  ['inspect', 'active'],
  ['inspect', 'registered'],
  ['inspect', 'active_queues'],
  ['inspect', 'memdump'],
  ['inspect', 'query-task', 'x-1', 'x-2'],
  ['control', 'heartbeat'],
  ['status'],
])('twq %s %s asks Python’s worker and ours, and prints Celery’s keys', async (...command) => {
  const { status, stdout } = await twq(...command, ...both(), '--json')
  expect(status).toBe(0)
  const answer = JSON.parse(stdout)
  const nodes = command[0] === 'control' ? answer.flatMap(Object.keys) : Object.keys(answer)
  expect(nodes.sort()).toEqual([theirNode, scene.worker.node].sort())
})

it('tells both what is typed as Celery’s command line would', async () => {
  const limited = await twq('control', 'rate-limit', 'add', '10/m', ...both())
  expect(limited).toMatchObject({ status: 0, stderr: '' })
  expect(limited.stdout.match(/new rate limit set successfully/g)).toHaveLength(2)
  const revoked = await twq('task', 'revoke', 'x-1', 'x-2', ...both())
  expect(revoked.stdout.match(/flagged as revoked/g)).toHaveLength(2)
  const refused = await twq('control', 'autoscale', '4', ...both())
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('Autoscale not enabled') })
})

it('lists the workers with what they are', async () => {
  const { status, stdout } = await twq('worker', 'list', ...both(), '--json')
  expect(status).toBe(0)
  const software = `celery:${(await pythonWith(celeryRelease())).celeryVersion}`
  expect(JSON.parse(stdout)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ node: theirNode, concurrency: 1, queues: [theirQueue], software }),
      expect.objectContaining({ node: scene.worker.node, pool: 'async', queues: [scene.queue], pid: process.pid }),
    ]),
  )
})

it('lists the tasks that wait for their time as a table, of Python’s worker and of ours', async () => {
  const ours = await scene.client.send(add, { x: 1, y: 2 }, { countdown: '5m' })
  const theirs = await scene.client.send('add', [3, 4], { queue: theirQueue, countdown: '5m' })
  const listed = await pollUntil(
    'both are scheduled',
    () => twq('inspect', 'scheduled', ...both()),
    ({ stdout }) => [ours, theirs].every(({ id }) => stdout.includes(id)),
  )
  expect(listed.stdout).toMatch(/^NODE +ID +TASK +ARGUMENTS +ROUTING KEY +ETA +DUE$/m)
  for (const { id } of [ours, theirs])
    expect(listed.stdout).toMatch(new RegExp(`${id} +add .* \\S+Z +in \\d.* s$`, 'm'))
  expect((await twq('inspect', 'active', ...both())).stderr).toMatch(/^note: nothing runs on .*, /)
  await scene.client.revoke([ours.id, theirs.id])
})

it('pauses a queue, and resumes it', async () => {
  const { node } = scene.worker
  expect((await twq('worker', 'pause', scene.queue, '-d', node)).stdout).toContain('no longer consuming')
  expect(JSON.parse((await twq('inspect', 'active-queues', '-d', node, '--json')).stdout)).toEqual({ [node]: [] })
  expect((await twq('worker', 'resume', scene.queue, '-d', node)).stdout).toContain('add consumer')
  expect(await (await scene.client.send(add, { x: 1, y: 2 })).result({ timeout: '60s' })).toBe(0)
})

it('waits until what runs has ended when it drains a worker, and until it is gone when it stops it', async () => {
  const go = deferred<void>()
  const block = defineTask({ name: 'block', run: () => go.promise })
  await using busy = await aWorker([block])
  await busy.client.send(block, {})
  await busy.log.until(({ event }) => event === 'task.received')
  const drained = twq('worker', 'drain', busy.worker.node)
  await busy.log.until(({ event, method }) => event === 'control.command' && method === 'cancel_consumer')
  go.resolve()
  expect(await drained).toMatchObject({ status: 0 })
  expect(await twq('worker', 'stop', busy.worker.node, '--wait')).toMatchObject({ status: 0 })
  expect(await busy.worker.stopped).toBe('clean')
})

it('stops Python’s worker', async () => {
  expect(await twq('worker', 'stop', theirNode, '--wait')).toMatchObject({ status: 0 })
  expect((await twq('inspect', 'ping', '-d', theirNode, '-t', '300ms')).status).toBe(69)
  expect((await python.exit).code).toBe(0)
})
