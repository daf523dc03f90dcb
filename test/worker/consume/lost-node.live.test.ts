import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { JOIN_QUEUE } from '../../../src/protocol/chord/queued-chord.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'
import { declareWithCompanions } from '../../../src/queues/queue-access.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject } from '../../support/a-project.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import type { RabbitNode } from '../../support/provision/rabbit.ts'
import { type RabbitCluster, startCluster } from '../../support/provision/rabbit-cluster.ts'
import { runTwq } from '../../support/run-twq.ts'
import { uniqueName } from '../../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

let cluster: RabbitCluster
let near: RabbitNode
let far: RabbitNode

// Three, since two of them are a majority: without one RabbitMQ 4.3 declares nothing.
beforeAll(async () => {
  cluster = await startCluster(3)
  ;[near, far] = cluster.nodes as [RabbitNode, RabbitNode, RabbitNode]
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

/** Declares classic queues that live on a node, with what belongs to them. */
async function declareOn(node: RabbitNode, ...queues: string[]): Promise<void> {
  await using connection = await amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()
  for (const queue of queues) await declareWithCompanions(connection, plainQueue(queue))
}

const told = (scene: WorkerScene, event: string, queue: string) =>
  scene.log.until((record) => record.event === event && record.queue === queue)

const ways: readonly (readonly [how: string, end: (node: RabbitNode) => Promise<void>])[] = [
  ['was killed', (node) => node.kill9()],
  ['was stopped in order', (node) => node.stop()],
]

describe.each(ways)('while a node that some queues live on %s', (_how, end) => {
  it('the others are consumed on the same connection, also by a worker that starts, and those are taken up again', async () => {
    const [here, there] = [uniqueName('here'), uniqueName('there')]
    await declareOn(near, here)
    await declareOn(far, there, JOIN_QUEUE)
    const settings = { broker: cluster.url(near), queues: [there, here], heartbeat: '3s' }
    await using first = await aWorker([add], settings)
    await using client = createClient({ broker: cluster.url(near), queue: here })

    await end(far)
    for (const queue of [there, suspectsQueue(there)]) {
      await told(first, 'consumer.cancelled', queue)
      expect(await told(first, 'consumer.down', queue)).toMatchObject({ hint: expect.stringMatching(/node/) })
    }
    expect(await first.logged('chords.unavailable')).toMatchObject({ hint: expect.stringMatching(/node/) })
    // One after the other: nothing keeps them waiting for as long as the node is away.
    for (let n = 0; n < 30; n += 1) expect(await (await client.send(add, { x: n, y: 1 })).result()).toBe(n + 1)
    await expect(client.send(add, { x: 1, y: 2 }, { queue: there })).rejects.toMatchObject({ code: 'TWQ_QUEUE_DOWN' })

    await using second = await aWorker([add], settings)
    await told(second, 'consumer.down', there)
    await first.worker.stop('warm')
    for (let n = 0; n < 30; n += 1) expect(await (await client.send(add, { x: n, y: 2 })).result()).toBe(n + 2)

    await far.startAgain()
    for (const queue of [there, suspectsQueue(there)]) await told(second, 'consumer.restored', queue)
    await second.logged('chords.restored')
    expect(await (await client.send(add, { x: 5, y: 6 }, { queue: there })).result()).toBe(11)
    for (const { log } of [first, second]) {
      const lost = log.entries.filter(({ event }) => event === 'broker.lost' || event === 'channel.lost')
      // That of chords is set up again on purpose.
      expect(lost.filter(({ channel }) => channel !== 'chords')).toEqual([])
    }
  })
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
    { name: 'here.failed', exists: false },
    { name: 'there', exists: true, state: 'down' },
    { name: 'there.quarantine', exists: true, state: 'down' },
    { name: 'there.suspects', exists: true, state: 'down' },
    { name: 'there.failed', exists: false },
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
