import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { declareTaskQueue, type TopologyDifference } from '../../../src/broker/topology.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { type QueueSettings, readQueue } from '../../../src/protocol/queue/queue-settings.ts'
import type { TaskQueue } from '../../../src/protocol/queue/task-queue.ts'
import { declareQuarantine, declareSuspects } from '../../../src/queues/companions.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject } from '../../support/a-project.ts'
import { aWorker } from '../../support/a-worker.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'
import { Journal } from '../../support/until.ts'

let python: PythonCaller

beforeAll(async () => {
  python = await PythonCaller.start({ broker: brokerUrl(), queue: uniqueName('python') })
})
afterAll(() => python[Symbol.asyncDispose]())

function queueOf(settings: QueueSettings): TaskQueue {
  const reading = readQueue(settings)
  if (reading.kind !== 'queue') throw new Error(reading.problems.join())
  return reading.queue
}

/** Declares it as a worker does, and takes no other settings than its own. */
function declareHere(settings: QueueSettings): Promise<unknown> {
  const unexpected = ({ error }: TopologyDifference): never => {
    throw error
  }
  return declareTaskQueue({ withChannel }, queueOf(settings), unexpected)
}

describe.each<[string, Omit<QueueSettings, 'name'>, Parameters<PythonCaller['declare']>[1]]>([
  ['plain', {}, {}],
  ['with priorities', { maxPriority: 10 }, { max_priority: 10 }],
  ['quorum', { type: 'quorum' }, { queue_arguments: { 'x-queue-type': 'quorum' } }],
  [
    'bound to a topic exchange',
    { exchange: { name: 'bus', type: 'topic' }, routingKey: 'events.#' },
    { exchange: 'bus', type: 'topic', routing_key: 'events.#' },
  ],
  [
    'with dead letters',
    { deadLetter: { exchange: 'dead', routingKey: 'letters' } },
    { queue_arguments: { 'x-dead-letter-exchange': 'dead', 'x-dead-letter-routing-key': 'letters' } },
  ],
  [
    'with limits',
    { messageTtl: '90s', expires: '1h', maxLength: 1000, maxLengthBytes: 2 ** 40 },
    { message_ttl: 90, expires: 3600, max_length: 1000, max_length_bytes: 2 ** 40 },
  ],
])('a queue %s', (_, settings, options) => {
  it('is the same to kombu and to us, whoever declares it first', async () => {
    const [theirs, ours] = [uniqueName('theirs'), uniqueName('ours')]
    await python.declare(theirs, options)
    await declareHere({ name: theirs, ...settings })
    await declareHere({ name: ours, ...settings })
    await python.declare(ours, options)
  })
})

it('runs the tasks of a priority queue by their priority', async () => {
  const queue = uniqueName('priorities')
  await python.declare(queue, { max_priority: 9 })
  for (const priority of [3, 7, 0, 9, 5, 1, 8, 2, 6, 4]) {
    await python.sendTask('report', [priority], { queue, priority })
  }
  await queueOnce(queue, ({ messages }) => messages === 10)
  const ran = new Journal<number>()
  const report = defineTask({
    name: 'report',
    positional: ['priority'],
    run: ({ priority }: { priority: number }) => ran.push(priority),
  })
  await using _scene = await aWorker([report], {
    queues: [{ name: queue, maxPriority: 9 }],
    concurrency: 1,
    prefetch: 1,
  })
  expect(await ran.untilCount(10)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
})

it('gives messages to the consumer with the higher priority while it has room', async () => {
  const queue = uniqueName('consumers')
  const started = new Journal<string>()
  const gate = deferred<void>()
  const taskOf = (worker: string) =>
    defineTask({
      name: 'wait',
      async run() {
        started.push(worker)
        await gate.promise
      },
    })
  await using _low = await aWorker([taskOf('low')], { queues: [queue], concurrency: 2, prefetch: 2 })
  await using _high = await aWorker([taskOf('high')], {
    queues: [{ name: queue, consumerPriority: 5 }],
    concurrency: 2,
    prefetch: 2,
  })
  await python.sendMany(2, 'wait', [], { queue })
  expect(await started.untilCount(2)).toEqual(['high', 'high'])
  await python.sendMany(1, 'wait', [], { queue })
  expect(await started.untilCount(3)).toEqual(['high', 'high', 'low'])
  gate.resolve()
})

it('runs what Python sends to a topic exchange with a key that the queue is bound with', async () => {
  const [queue, exchange] = [uniqueName('topic'), uniqueName('exchange')]
  const ran = new Journal<string>()
  const hear = defineTask({
    name: 'hear',
    positional: ['key'],
    run: ({ key }: { key: string }) => ran.push(key),
  })
  await using _scene = await aWorker([hear], {
    queues: [{ name: queue, exchange: { name: exchange, type: 'topic' }, routingKey: 'events.#' }],
  })
  for (const key of ['other.created', 'events.user.created', 'events.gone']) {
    await python.sendTask('hear', [key], { exchange, exchange_type: 'topic', routing_key: key })
  }
  expect(await ran.untilCount(2)).toEqual(['events.user.created', 'events.gone'])
})

it('has quorum queues beside a quorum queue, whoever made that one, and goes on with the others', async () => {
  const [classic, quorum] = [uniqueName('classic'), uniqueName('quorum')]
  await python.declare(quorum, { queue_arguments: { 'x-queue-type': 'quorum' } })
  const ran = new Journal<string>()
  const hear = defineTask({ name: 'hear', run: (_, { queue }) => ran.push(queue) })
  await using scene = await aWorker([hear], { queues: [classic] })
  await python.broadcast('add_consumer', { destination: [scene.worker.node], arguments: { queue: quorum } })
  for (const queue of [quorum, classic]) await python.sendTask('hear', [], { queue })
  expect((await ran.untilCount(2)).sort()).toEqual([classic, quorum])
  for (const declare of [declareQuarantine, declareSuspects]) {
    const as = { quorum: true }
    expect(await declare({ withChannel }, quorum, as)).toEqual({ quorum: true, difference: undefined, differences: [] })
    expect(await declare({ withChannel }, classic, as)).toMatchObject({ quorum: false })
  }
  for (const queue of [classic, quorum]) await queueOnce(suspectsQueue(queue), ({ consumers }) => consumers === 1)
  expect(scene.log.entries.filter(({ event }) => event === 'broker.lost')).toEqual([])
})

describe('routes', () => {
  it('hold for what clients send, what tasks send, and the steps of chains', async () => {
    const routed = uniqueName('routed')
    const leaf = defineTask({ name: 'routed.leaf', positional: ['from'], run: ({ from }: { from: string }) => from })
    const sender = defineTask({
      name: 'sender',
      async run(_, ctx) {
        await ctx.send('routed.leaf', ['a task'])
      },
    })
    const step = defineTask({ name: 'step', run: () => 'a chain' })
    await using scene = await aWorker([leaf, sender, step], {
      routes: { 'routed.*': { queue: routed, priority: 4 } },
    })
    expect(await scene.logged('queue.no-priorities')).toMatchObject({ queue: routed, given_by: ['route routed.*'] })
    const { client, queue } = scene
    await client.send('routed.leaf', ['a client'])
    await client.send('sender', [])
    await python.evaluate(`chain(signature("step", app=app, queue="${queue}"), signature("routed.leaf", app=app))().id`)
    await queueOnce(routed, ({ messages }) => messages === 3)
    const messages = await take(routed, 3)
    const told = messages.map(({ body, properties }) => [JSON.parse(String(body))[0][0], properties.priority])
    expect(told.sort()).toEqual([
      ['a chain', 4],
      ['a client', 4],
      ['a task', 4],
    ])
  })
})

describe('twq worker start', () => {
  it('ends with 78 and every difference where the broker has a queue otherwise than the configuration states', async () => {
    const queue = uniqueName('stated')
    await python.declare(queue, { max_priority: 5, message_ttl: 60 })
    const settings = { name: queue, maxPriority: 10, deadLetter: { routingKey: 'dead' } }
    using project = aProject({
      'worker.config.ts': `export default ${JSON.stringify({ tasks: ['./tasks.ts'], queues: [settings] })}\n`,
      'tasks.ts': `import { defineTask } from 'twq'\nexport const noop = defineTask({ name: 'noop', run() {} })\n`,
    })
    const { status, stderr, stdout } = await runTwq(['worker', 'start', '--broker', brokerUrl()], {
      cwd: project.folder,
    })
    expect(status).toBe(78)
    const told = stderr + stdout
    expect(told).toContain(`queue "${queue}" exists with other settings:`)
    expect(told).toContain('x-max-priority is 5 there, and 10 here')
    expect(told).toContain('x-message-ttl is 60000 there, and none here, of which the configuration says nothing')
    expect(told).toContain('x-dead-letter-exchange is none there, and  here')
    expect(told).toContain('x-dead-letter-routing-key is none there, and dead here')
    expect(told).toContain(`rabbitmqctl delete_queue ${queue}`)
  })

  it('consumes the queues of -Q without those of -X, with the settings that the file has for them', async () => {
    const [plain, chosen, left] = [uniqueName('plain'), uniqueName('chosen'), uniqueName('left')]
    await using worker = await startTwqWorker({
      broker: brokerUrl(),
      tasks: `import { defineTask } from 'twq'\nexport const noop = defineTask({ name: 'noop', run: () => 'done' })\n`,
      config: { queues: [plain, { name: chosen, maxPriority: 3 }, left] },
      args: ['-Q', `${plain},${chosen}`, '-X', plain],
    })
    expect(await worker.until('worker.ready')).toMatchObject({ queues: [chosen] })
    await python.declare(chosen, { max_priority: 3 })
    const id = await python.sendTask('noop', [], { queue: chosen, priority: 3 })
    expect(await python.get(id)).toBe('done')
    for (const name of [plain, left]) {
      await expect(withChannel((channel) => channel.inspectQueue(name))).rejects.toMatchObject({
        code: 'TWQ_QUEUE_MISSING',
      })
    }
  })
})
