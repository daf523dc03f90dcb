import { afterAll, beforeAll, expect, it } from 'vitest'
import { aProject } from '../support/a-project.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { type Finished, runTwq } from '../support/run-twq.ts'
import { uniqueName } from '../support/services.ts'

const TASKS = "import { defineTask } from 'twq'\nexport const nothing = defineTask({ name: 'nothing', run() {} })"

let node: RabbitNode
const queue = uniqueName('blocked')

beforeAll(async () => {
  node = await startRabbit()
  await twq('queue', 'declare')
  // Somebody has asked workers before: there is an exchange to ask over.
  await twq('status')
  await node.ctl('set_vm_memory_high_watermark', '0.0001')
})
afterAll(() => node[Symbol.asyncDispose]())

function twq(...args: readonly string[]): Promise<Finished> {
  return runTwq(args, { env: { TWQ_BROKER: node.url(), TWQ_QUEUES: queue } })
}

it.each([
  ['status', 75],
  ['inspect active', 75],
  ['control shutdown', 75],
  ['task send add', 69],
  ['task send add --wait', 69],
  ['doctor', 1],
])('twq %s says that the broker takes no messages, and ends with %i', async (line, status) => {
  const finished = await twq(...line.split(' '))
  expect(finished.stdout + finished.stderr).toMatch(/the broker takes (no messages|none).*low on memory/)
  expect(finished.status).toBe(status)
})

it('starts a worker, which has nothing to publish yet', async () => {
  const project = aProject({ 'tasks.ts': TASKS })
  const finished = await runTwq(['worker', 'start', '--once'], {
    cwd: project.folder,
    env: { TWQ_BROKER: node.url(), TWQ_QUEUES: queue, TWQ_TASKS: './tasks.ts' },
  })
  expect(finished.stderr).toMatch(/worker\.ready/)
  expect(finished.status).toBe(0)
})

it('twq task why says so for certain, and what it could see all the same', async () => {
  const { status, stdout, stderr } = await twq('task', 'why', 'add', '--json')
  expect(status, stderr).toBe(0)
  const { statements } = JSON.parse(stdout)
  const [blocked] = statements
  expect(blocked).toMatchObject({ kind: 'broker-blocked', certainty: 'certain' })
  expect(blocked.evidence.join()).toMatch(/low on memory/)
  expect(statements).toContainEqual(expect.objectContaining({ kind: 'no-consumer', certainty: 'certain' }))
})

it('shows what lies in the queues all the while', async () => {
  expect(await twq('queue', 'list', '--json')).toMatchObject({ status: 0, stdout: expect.stringContaining(queue) })
})
