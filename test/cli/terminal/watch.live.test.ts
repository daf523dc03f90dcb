import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { heldTask } from '../../support/held-task.ts'
import { Program } from '../../support/program.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { startPython } from '../../support/python.ts'
import { publishRaw } from '../../support/raw-broker.ts'
import { cleanEnvironment, runTwq, TWQ } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

const go = deferred<void>()
const stepped = defineTask({
  name: 'stepped',
  async run(_args, ctx) {
    await ctx.progress({ done: 1, of: 2 })
    await go.promise
    return 'done'
  },
})

let redis: RedisServer
let scene: WorkerScene
const held = heldTask()
beforeAll(async () => {
  redis = await startRedis()
  scene = await aWorker([stepped, held.task], { resultBackend: redis.url })
})
afterAll(async () => {
  held.release()
  await scene?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

function twq(...args: readonly string[]): Program {
  const env = { ...cleanEnvironment(), TWQ_BROKER: brokerUrl(), TWQ_RESULT_BACKEND: redis.url }
  return new Program(process.execPath, [TWQ, ...args], { env })
}

it('shows what workers do in a pipe, a line of JSON for each change, until Ctrl-C', async () => {
  const { node } = scene.worker
  await using watching = twq('inspect', 'active', '-d', node, '--watch', '100ms', '--json')
  await watching.output.until((line) => line === `{${JSON.stringify(node)}: []}`)
  const { id } = await scene.client.send(held.task, { n: 1 })
  await watching.output.until((line) => JSON.parse(line)[node][0]?.id === id)
  expect(watching.output.entries).toHaveLength(2)
  watching.signal('SIGINT')
  expect((await watching.exit).code).toBe(130)
})

it('shows the failures of a queue as they come', async () => {
  const boom = defineTask({
    name: 'boom',
    run() {
      throw new Error('no luck')
    },
  })
  await using failing = await aWorker([boom])
  await using watching = twq('failed', 'list', '--queue', failing.queue, '--watch', '100ms', '--json')
  await watching.output.until((line) => line === '[]')
  const { id } = await failing.client.send(boom, {})
  await watching.output.until((line) => JSON.parse(line)[0]?.id === id)
  expect(watching.output.entries).toHaveLength(2)
  watching.signal('SIGINT')
  expect((await watching.exit).code).toBe(130)
})

it('shows how many messages lie in queues', async () => {
  const queue = uniqueName('queue')
  await runTwq(['queue', 'declare', queue, '--broker', brokerUrl()])
  await using watching = twq('queue', 'list', '--queue', queue, '--watch', '100ms')
  await watching.until(new RegExp(`^${queue} +0 +0$`))
  await publishRaw(queue, { body: Buffer.from('x') })
  await watching.until(new RegExp(`^${queue} +1 +0$`))
  watching.signal('SIGTERM')
  expect((await watching.exit).code).toBe(143)
})

it('follows a task, a line for each state, and ends with its result', async () => {
  await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
  const { id } = await client.send(stepped, {})
  await using plain = twq('task', 'result', id, '--watch')
  await using json = twq('task', 'result', id, '--watch', '--json')
  await plain.output.until((line) => line === 'PROGRESS [##########..........]  50% 1 of 2')
  await json.output.until((line) => JSON.parse(line).state === 'PROGRESS')
  go.resolve()
  expect((await plain.exit).code).toBe(0)
  expect(plain.output.entries.at(-1)).toBe('"done"')
  expect((await json.exit).code).toBe(0)
  expect(JSON.parse(json.output.entries.at(-1) ?? '')).toMatchObject({ id, state: 'SUCCESS', result: 'done' })
})

it('draws what it sees in the same place of a terminal', async () => {
  const { node } = scene.worker
  const command = [
    process.execPath,
    TWQ,
    'inspect',
    'reserved',
    '-d',
    node,
    '--watch',
    '100ms',
    '--broker',
    brokerUrl(),
  ]
  await using terminal = await startPython(['terminal.py', ...command], { broker: brokerUrl() }, { stdin: 'pipe' })
  const drawn = (line: string, times: number): boolean => line.split(`\u001b[Hnothing waits on ${node}`).length > times
  await terminal.lines.until((line) => line.includes('\u001b[2J') && drawn(line, 1))
  // The next picture begins where the last one has left the cursor.
  await terminal.lines.untilCount(3, (line) => drawn(line, 1))
  terminal.write('\u0003')
  expect((await terminal.exit).code).toBe(130)
})

it('fails as without it where the first look fails', async () => {
  const args = ['inspect', 'active', '--watch', '-d', 'none@nowhere', '-t', '200ms', '--broker', brokerUrl()]
  expect((await runTwq(args)).status).toBe(69)
})
