import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { createClient } from '../../src/client/create-client.ts'
import { declareWithCompanions } from '../../src/client/queue-access.ts'
import { JOIN_QUEUE } from '../../src/protocol/queued-chord.ts'
import { suspectsQueue } from '../../src/protocol/suspect.ts'
import { plainQueue } from '../../src/protocol/task-queue.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aProject } from '../support/a-project.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { type RabbitCluster, startCluster } from '../support/provision/rabbit-cluster.ts'
import { runTwq } from '../support/run-twq.ts'
import { uniqueName } from '../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

let cluster: RabbitCluster
let near: RabbitNode
let far: RabbitNode

beforeAll(async () => {
  cluster = await startCluster(2)
  ;[near, far] = cluster.nodes as [RabbitNode, RabbitNode]
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

/** Declares classic queues that live on a node, with what belongs to them. */
async function declareOn(node: RabbitNode, ...queues: string[]): Promise<void> {
  await using connection = await amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()
  for (const queue of queues) await declareWithCompanions(connection, plainQueue(queue))
}

const told = (scene: WorkerScene, event: string, queue: string) =>
  scene.log.until((record) => record.event === event && record.queue === queue)

it('goes on while a node is away that some of its queues live on, starts without them, and takes them up again', async () => {
  const [here, there] = [uniqueName('here'), uniqueName('there')]
  await declareOn(near, here)
  await declareOn(far, there, JOIN_QUEUE)
  const settings = { broker: cluster.url(near), queues: [there, here] }
  await using first = await aWorker([add], settings)
  await using client = createClient({ broker: cluster.url(near), queue: here })

  await far.kill9()
  for (const queue of [there, suspectsQueue(there)]) {
    await told(first, 'consumer.cancelled', queue)
    expect(await told(first, 'consumer.down', queue)).toMatchObject({ error: expect.stringContaining(far.name) })
  }
  expect(await first.logged('chords.unavailable')).toMatchObject({ hint: expect.stringContaining('that node') })
  expect(await (await client.send(add, { x: 1, y: 2 })).result()).toBe(3)
  await expect(client.send(add, { x: 1, y: 2 }, { queue: there })).rejects.toMatchObject({ code: 'TWQ_QUEUE_DOWN' })

  await using second = await aWorker([add], settings)
  await told(second, 'consumer.down', there)
  await first.worker.stop('warm')
  expect(await (await client.send(add, { x: 3, y: 4 })).result()).toBe(7)

  await far.startAgain()
  for (const queue of [there, suspectsQueue(there)]) await told(second, 'consumer.restored', queue)
  await second.logged('chords.restored')
  expect(await (await client.send(add, { x: 5, y: 6 }, { queue: there })).result()).toBe(11)
})

it('shows the queues that can be read while others are down, and says which those are', async () => {
  const [here, there] = [uniqueName('here'), uniqueName('there')]
  await declareOn(near, here)
  await declareOn(far, there)
  await far.kill9()
  const env = { TWQ_BROKER: cluster.url(near) }
  using project = aProject({ 'worker.config.ts': `export default { queues: ['${here}', '${there}'], tasks: [] }` })

  const list = await runTwq(['queue', 'list', '--json'], { cwd: project.folder, env })
  expect(list.status).toBe(69)
  const rows = JSON.parse(list.stdout) as { name: string }[]
  expect(rows.map((row) => ({ ...row, name: row.name.replace(/-\w{8}/, '') }))).toEqual([
    { name: 'here', exists: true, messages_ready: 0, consumers: 0 },
    { name: 'here.quarantine', exists: true, messages_ready: 0, consumers: 0 },
    { name: 'here.suspects', exists: true, messages_ready: 0, consumers: 0 },
    { name: 'there', exists: true, state: 'down' },
    { name: 'there.quarantine', exists: true, state: 'down' },
    { name: 'there.suspects', exists: true, state: 'down' },
  ])
  expect(list.stderr).toBe(
    `note: the node of the broker that they live on is down: ${[there, `${there}.quarantine`, suspectsQueue(there)].join(', ')}\n`,
  )
  expect((await runTwq(['queue', 'list'], { cwd: project.folder, env })).stdout).toMatch(
    new RegExp(`^${there} +down +-$`, 'm'),
  )

  const doctor = await runTwq(['doctor', '--json'], { cwd: project.folder, env })
  expect(JSON.parse(doctor.stdout)).toMatchObject({
    findings: expect.arrayContaining([
      expect.objectContaining({ check: `queue ${here}`, status: 'ok' }),
      expect.objectContaining({ check: `queue ${there}`, status: 'error' }),
    ]),
  })
})
