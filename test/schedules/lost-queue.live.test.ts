import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel } from '../../src/broker/broker.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { declareLeaderQueue } from '../../src/queues/companions.ts'
import { withChannel } from '../../src/queues/queue-access.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aProject } from '../support/a-project.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { type RabbitCluster, startCluster } from '../support/provision/rabbit-cluster.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

const tick = defineTask({ name: 'tick', run: () => {} })

const config = (namespace: string) => ({
  schedulesNamespace: namespace,
  schedules: { configured: { task: 'tick', every: '1s' } },
})

/** A worker that leads, with an entry that was set at run time, and a client. */
async function aLeader(broker: string, settings = {}, namespace = uniqueName('lost')) {
  const scene = await aWorker([tick], { broker, ...config(namespace), ...settings })
  const client = createClient({ broker, schedulesNamespace: namespace, resultBackend: 'none' })
  await scene.logged('schedules.leading')
  expect(await client.schedules.set('at-run-time', { task: 'tick', every: '1h', queue: scene.queue })).toBe('applied')
  return {
    scene,
    client,
    namespace,
    queue: `twq.schedules.${namespace}`,
    async [Symbol.asyncDispose]() {
      await client.close()
      await scene[Symbol.asyncDispose]()
    },
  }
}

/** The next line of this event. */
function next({ log }: WorkerScene, event: string, fields: Readonly<Record<string, unknown>> = {}) {
  const matches = (line: Readonly<Record<string, unknown>>): boolean =>
    line.event === event && Object.entries(fields).every(([name, value]) => line[name] === value)
  return log.until(matches, { from: log.entries.length })
}

const names = async (client: Client) => (await client.schedules.list()).entries.map(({ name }) => name).sort()

async function onBroker<Result>(use: (channel: Channel) => Promise<Result>): Promise<Result> {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  return await withChannel(connection, use)
}

it('goes on where its queue is purged: the leader holds the state', async () => {
  await using leader = await aLeader(brokerUrl())
  await onBroker((channel) => channel.purgeQueue(leader.queue))
  await next(leader.scene, 'schedule.sent')
  expect(await names(leader.client)).toEqual(['at-run-time', 'configured'])
  expect(leader.scene.log.entries.filter(({ event }) => event === 'schedules.ended')).toEqual([])
})

it('says so where its queue is deleted, and builds it anew without what was set at run time', async () => {
  await using leader = await aLeader(brokerUrl())
  const { scene, client, queue } = leader
  const [ended, leading] = [next(scene, 'schedules.ended'), next(scene, 'schedules.leading')]
  await onBroker((channel) => channel.deleteQueue(queue))
  expect(await ended).toMatchObject({ level: 'warn', reason: 'the broker ended its consumer' })
  await leading
  await next(scene, 'schedule.sent')
  expect(await names(client)).toEqual(['configured'])
})

describe('on a cluster', () => {
  let cluster: RabbitCluster
  let near: RabbitNode
  let far: RabbitNode

  beforeAll(async () => {
    cluster = await startCluster(3)
    ;[near, far] = cluster.nodes as [RabbitNode, RabbitNode, RabbitNode]
  })
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  /** The queue of schedules on another node than the one that the worker is connected to. */
  async function declareOnFar(namespace: string): Promise<void> {
    await using connection = await amqpBroker({ url: far.url(), heartbeat: 10_000, name: 'test' }).connect()
    const lend = { withChannel: <T>(use: (channel: Channel) => Promise<T>) => withChannel(connection, use) }
    await declareLeaderQueue(lend, `twq.schedules.${namespace}`, { quorum: false })
  }

  it('says that its queue is down while the node of that is away, and goes on with all entries after it', async () => {
    const namespace = uniqueName('lost')
    await declareOnFar(namespace)
    const broker = cluster.url(near)
    await using leader = await aLeader(broker, { heartbeat: '3s' }, namespace)
    const { scene, client } = leader

    await far.kill9()
    expect(await scene.logged('schedules.ended')).toMatchObject({ reason: 'the broker ended its consumer' })
    expect(await scene.logged('schedules.unavailable')).toMatchObject({ hint: expect.stringMatching(/node/) })
    for (const ask of [() => client.schedules.list(), () => client.schedules.pause('configured')]) {
      await expect(ask()).rejects.toMatchObject({ code: 'TWQ_QUEUE_DOWN', hint: expect.stringMatching(/node/) })
    }
    const content = { queues: [scene.queue], tasks: [], ...config(namespace) }
    using project = aProject({ 'worker.config.ts': `export default ${JSON.stringify(content)}` })
    const doctor = await runTwq(['doctor', '--json'], { cwd: project.folder, env: { TWQ_BROKER: broker } })
    const finding = { check: 'schedules', status: 'error', what: expect.stringMatching(/^their queue is down: /) }
    expect(JSON.parse(doctor.stdout).findings).toContainEqual(expect.objectContaining(finding))

    const leading = next(scene, 'schedules.leading')
    await far.startAgain()
    expect(await leading).toMatchObject({ entries: 2 })
    await next(scene, 'schedule.sent')
    expect(await names(client)).toEqual(['at-run-time', 'configured'])
  })

  it('goes on where its queue is a quorum queue, and the node with the leader of that is lost', async () => {
    const queue = { name: uniqueName('quorum'), type: 'quorum' } as const
    await using leader = await aLeader(cluster.url(near), { heartbeat: '3s', queues: [queue] })
    const { scene, client } = leader
    // Those of the task queue, too: one of them may be on a node that has just come back.
    for (const name of [leader.queue, queue.name]) {
      await pollUntil(
        `all members of ${name}`,
        () => cluster.membersUp(name),
        (count) => count === 3,
      )
    }
    const home = await cluster.homeOf(leader.queue)
    await home.kill9()
    // While that node is away.
    await next(scene, 'schedule.sent')
    await pollUntil(
      'the entries',
      () => names(client).catch(() => []),
      (entries) => entries.join() === 'at-run-time,configured',
    )
    expect(home.running).toBe(false)
    await home.startAgain()
  })
})
