import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { QueueSpec } from '../../../src/broker/broker.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

async function connect() {
  return await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
}

/** The names of the workers that answer. */
async function pinged(): Promise<string[]> {
  const { stdout } = await runTwq(['inspect', 'ping', '--json', '--timeout', '5s'], {
    env: { TWQ_BROKER: brokerUrl() },
  })
  return stdout === '' ? [] : Object.keys(JSON.parse(stdout) as object)
}

const occupied: readonly (readonly [why: string, spec: Omit<QueueSpec, 'name'>])[] = [
  ['is exclusive to another connection', { durable: false, exclusive: true, autoDelete: true }],
  [
    'was declared otherwise, as an older worker does',
    { durable: true, autoDelete: true, arguments: { 'x-expires': 20_000 } },
  ],
]

describe.each(occupied)('a worker whose mailbox %s', (_why, spec) => {
  it('is ready, runs tasks, warns once of the name, and answers once the mailbox is free', async () => {
    const node = `${uniqueName('w')}@test`
    const mailbox = `${node}.celery.pidbox`
    const other = await connect()
    const channel = await other.openChannel()
    await channel.declareQueue({ name: mailbox, ...spec })
    await channel.consume(mailbox, () => {})

    await using scene = await aWorker([add], { nodeName: node, queues: [uniqueName('tasks')] })
    expect(await (await scene.client.send(add, { x: 1, y: 2 })).result()).toBe(3)
    expect(await scene.logged('worker.name-taken')).toMatchObject({ level: 'warn', node })
    expect(await pinged()).toEqual([])

    await other[Symbol.asyncDispose]()
    await scene.logged('control.restored')
    expect(await pinged()).toEqual([node])
    const said = scene.log.entries.map(({ event }) => event)
    expect(said.filter((event) => event === 'worker.name-taken')).toHaveLength(1)
    expect(said).not.toContain('channel.setup-failed')
  })
})

it('a worker answers once another of its name has left', async () => {
  await using first = await aWorker([add])
  await using second = await aWorker([add], { nodeName: first.worker.node })
  await second.logged('worker.ready')
  await first.worker.stop('warm')
  await pollUntil('the second answers', pinged, (nodes) => nodes.includes(second.worker.node))
})

it('a mailbox goes with its worker', async () => {
  const scene = await aWorker([add])
  const mailbox = `${scene.worker.node}.celery.pidbox`
  await using connection = await connect()
  await scene[Symbol.asyncDispose]()
  const channel = await connection.openChannel()
  await expect(channel.inspectQueue(mailbox)).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
})
