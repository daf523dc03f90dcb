import { describe, expect, it } from 'vitest'
import { group as groupOf } from '../../../src/canvas/group.ts'
import { signature as signatureOf } from '../../../src/canvas/signature.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { encodeTask } from '../../../src/protocol/task/encode-task.ts'
import type { Json, JsonObject } from '../../../src/runtime/json.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, until } from '../../../src/testing.ts'

const add = defineTask({ name: 'add', run: () => 1 })
const fail = defineTask({
  name: 'fail',
  retry: { limit: 0 },
  run() {
    throw new Error('as asked for')
  },
})
const replaced = defineTask({
  name: 'replaced',
  run: (_args: object, ctx) => ctx.replace(signatureOf('add', [], { queue: 'new-0' }).toJSON()),
})
const split = defineTask({
  name: 'split',
  run: ({ queues }: { queues: readonly string[] }, ctx) =>
    ctx.replace(groupOf(queues.map((queue) => signatureOf('add', [], { queue }))).toJSON()),
})
const sends = defineTask({
  name: 'sends',
  async run({ queues }: { queues: readonly string[] }, ctx) {
    for (const queue of queues) await ctx.send('add', [], { queue })
  },
})

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `new-${index}`)
const signature = (queue: string): JsonObject => ({
  task: 'add',
  args: [],
  kwargs: {},
  options: { queue, task_id: `in-${queue}` },
})
const group = (queues: readonly string[]): JsonObject => ({
  task: 'celery.group',
  args: [],
  kwargs: { tasks: queues.map(signature) },
  options: {},
  subtask_type: 'group',
})

/** A worker, a message to it, and which of the new queues there are once its task was settled. */
async function afterOne(
  message: {
    task?: string
    kwargs?: JsonObject
    callbacks?: readonly Json[]
    errbacks?: readonly Json[]
    chain?: readonly Json[]
  },
  config: UserConfig = {},
) {
  await using scene = await startTestWorker({
    tasks: [add, fail, replaced, split, sends],
    config: { resultBackend: 'none', ...config },
  })
  await using connection = await scene.broker.connect()
  await using channel = await connection.openChannel()
  const { task = 'add', kwargs = {}, ...embed } = message
  const facts = { id: 'own', task, origin: 'gen1@test', args: [], kwargs }
  const encoded = encodeTask(facts, { now: scene.clock.now() })
  const body = [[], kwargs, { callbacks: null, errbacks: null, chain: null, chord: null, ...embed }]
  await channel.publish({ exchange: '', routingKey: 'celery' }, { ...encoded, body: Buffer.from(JSON.stringify(body)) })
  const outcome = await until(scene, 'settled', 'own')
  const found: string[] = []
  for (const name of namesOf(40)) {
    await using probe = await connection.openChannel()
    const status = await probe.inspectQueue(name).catch(() => undefined)
    if (status !== undefined) found.push(name)
  }
  return { outcome, found }
}

describe('the queues that one message has declared', () => {
  it.each([
    ['callbacks', { callbacks: namesOf(16).map(signature) }],
    ['a group', { callbacks: [group(namesOf(16))] }],
    ['a chain', { chain: [group(namesOf(16))] }],
    ['what its task sends', { task: 'sends', kwargs: { queues: namesOf(16) } }],
    ['many messages to few queues', { callbacks: [...namesOf(16), ...namesOf(16)].map(signature) }],
  ])('may be sixteen: %s', async (_, message) => {
    const { found } = await afterOne(message)
    expect(found).toHaveLength(16)
  })

  it.each([
    ['callbacks', { callbacks: namesOf(17).map(signature) }],
    ['a group', { callbacks: [group(namesOf(17))] }],
    ['groups', { callbacks: [group(namesOf(9)), group(namesOf(17).slice(9))] }],
    ['callbacks and a chain', { callbacks: namesOf(9).map(signature), chain: [group(namesOf(17).slice(9))] }],
  ])('are none where they would be seventeen: %s', async (_, message) => {
    const { found } = await afterOne(message)
    expect(found).toEqual([])
  })

  it.each([16, 17])('are bounded for a group that replaces its task, by rpc: %i', async (count) => {
    const message = { task: 'split', kwargs: { queues: namesOf(count) } }
    expect((await afterOne(message, { resultBackend: 'rpc' })).found).toHaveLength(count === 16 ? 16 : 0)
  })

  it('fail its task in Celery’s words', async () => {
    await using scene = await startTestWorker({ tasks: [add], config: { queueCreation: 'configured' } })
    await using connection = await scene.broker.connect()
    await using channel = await connection.openChannel()
    await channel.declareQueue({ name: 'replies', durable: false, exclusive: true, autoDelete: false })
    const replied = deferred<string>()
    await channel.consume('replies', ({ body }) => replied.resolve(Buffer.from(body).toString()), { noAck: true })
    const facts = { id: 'own', task: 'add', origin: 'gen1@test', args: [], kwargs: {} }
    const { properties, headers } = encodeTask(facts, { now: scene.clock.now() })
    const body = [[], {}, { callbacks: [signature('new-0')], errbacks: null, chain: null, chord: null }]
    const message = {
      properties: { ...properties, replyTo: 'replies' },
      headers,
      body: Buffer.from(JSON.stringify(body)),
    }
    await channel.publish({ exchange: '', routingKey: 'celery' }, message)
    expect(JSON.parse(await replied.promise)).toMatchObject({
      status: 'FAILURE',
      result: {
        exc_type: 'QueueNotFound',
        exc_message: [expect.stringContaining('"new-0" is none of the configuration\'s')],
      },
    })
  })

  it('count over all errbacks, and over all that a task sends', async () => {
    expect((await afterOne({ task: 'fail', errbacks: namesOf(20).map(signature) })).found).toHaveLength(16)
    const { found, outcome } = await afterOne({ task: 'sends', kwargs: { queues: namesOf(20) } })
    expect(found).toHaveLength(16)
    expect(outcome).toMatchObject({ kind: 'failed' })
  })

  it('do not count where configuration, routes or tasks name them', async () => {
    const [a = '', b = '', c = '', d = '', ...others] = namesOf(20)
    const config: UserConfig = {
      queues: ['celery', a],
      routes: [{ 'x.*': b, y: { queue: c } }, (name) => (name === 'routed' ? d : undefined)],
    }
    const callbacks = [a, b, c, ...others].map(signature)
    const routed = { task: 'routed', args: [], kwargs: {}, options: {} }
    expect((await afterOne({ callbacks: [...callbacks, routed] }, config)).found).toHaveLength(20)
  })

  it.each([
    ['callbacks', { callbacks: [signature('new-0')] }],
    ['a chain', { chain: [signature('new-0')] }],
    ['what its task sends', { task: 'sends', kwargs: { queues: ['new-0'] } }],
    ['what replaces it', { task: 'replaced' }],
    ['an errback', { task: 'fail', errbacks: [signature('new-0')] }],
  ])('are none with queueCreation: configured: %s', async (_, message) => {
    expect((await afterOne(message, { queueCreation: 'configured' })).found).toEqual([])
  })
})
