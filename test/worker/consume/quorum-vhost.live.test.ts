import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Channel, Connection } from '../../../src/broker/broker.ts'
import { isQuorumAsFound } from '../../../src/broker/topology.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { uniqueName } from '../../support/services.ts'

// A virtual host where a declaration that names no type makes a quorum queue.
const VHOST = 'quorum'

let rabbit: RabbitNode
let connection: Connection

beforeAll(async () => {
  rabbit = await startRabbit()
  await rabbit.ctl('add_vhost', VHOST, '--default-queue-type', 'quorum')
  await rabbit.ctl('set_permissions', '-p', VHOST, 'guest', '.*', '.*', '.*')
  connection = await amqpBroker({ url: rabbit.url(VHOST), heartbeat: 10_000, name: 'test' }).connect()
})
afterAll(async () => {
  await connection?.[Symbol.asyncDispose]()
  await rabbit?.[Symbol.asyncDispose]()
})

async function withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
  await using channel = await connection.openChannel()
  return await use(channel)
}

/** `name`, type and arguments of all queues of the virtual host. */
async function queues(): Promise<Map<string, string>> {
  const lines = (await rabbit.ctl('list_queues', '-q', '-p', VHOST, 'name', 'type', 'arguments')).trim().split('\n')
  return new Map(lines.map((line) => [line.split('\t')[0] ?? '', line.split('\t').slice(1).join(' ')]))
}

const echo = defineTask({ name: 'echo', run: () => 'echo' })

describe('where the default queue type is quorum', () => {
  it('learns that a plain task queue is a quorum queue, and declares the queues beside it with a limit', async () => {
    const queue = uniqueName('plain')
    await using _scene = await aWorker([echo], { broker: rabbit.url(VHOST), queues: [queue] })
    await using client = createClient({ broker: rabbit.url(VHOST), queue })
    expect(await (await client.send(echo)).result()).toBe('echo')
    const found = await queues()
    expect(found.get(queue)).toMatch(/quorum/)
    for (const companion of ['quarantine', 'suspects']) {
      expect(found.get(`${queue}.${companion}`)).toMatch(/quorum.*x-delivery-limit.*2147483647/)
    }
    expect(found.get('twq.chords')).toMatch(/quorum.*x-delivery-limit.*2147483647/)
  })

  it('has tasks that are not due wait with the broker, as those of any quorum queue', async () => {
    const queue = uniqueName('plain')
    await using scene = await aWorker([echo], { broker: rabbit.url(VHOST), queues: [queue] })
    await using client = createClient({ broker: rabbit.url(VHOST), queue })
    const handle = await client.send(echo, {}, { countdown: '5s' })
    await scene.logged('task.delayed')
    expect(await handle.result()).toBe('echo')
  })

  it('keeps the classic queues beside a task queue that is declared as classic', async () => {
    const queue = uniqueName('classic')
    const classic = { name: queue, type: 'classic' as const }
    await using scene = await aWorker([echo], { broker: rabbit.url(VHOST), queues: [classic] })
    const found = await queues()
    for (const name of [queue, `${queue}.quarantine`, `${queue}.suspects`]) expect(found.get(name)).toMatch(/classic/)
    expect(scene.log.entries.filter(({ event }) => event === 'queue.companion')).toEqual([])
  })

  it('keeps what is set aside however often somebody looks at it', async () => {
    const queue = uniqueName('looked-at')
    await using _scene = await aWorker([echo], { broker: rabbit.url(VHOST), queues: [queue] })
    await using client = createClient({ broker: rabbit.url(VHOST), queue })
    await client.send('unknown')
    await expect
      .poll(() => withChannel((channel) => channel.inspectQueue(`${queue}.quarantine`)))
      .toMatchObject({ messages: 1 })
    for (let look = 0; look < 25; look += 1) {
      await withChannel(async (channel) => {
        expect(await channel.get(`${queue}.quarantine`)).toBeDefined()
      })
      await expect
        .poll(() => withChannel((channel) => channel.inspectQueue(`${queue}.quarantine`)))
        .toMatchObject({ messages: 1 })
    }
  })
})

it('tells a quorum queue from a classic one where neither was declared with a type', async () => {
  const session = { withChannel }
  const ordinary = await amqpBroker({ url: rabbit.url(), heartbeat: 10_000, name: 'test' }).connect()
  await using _closed = ordinary
  const name = uniqueName('untyped')
  await withChannel((channel) => channel.declareQueue(plainQueue(name)))
  expect(await isQuorumAsFound(session, plainQueue(name), [])).toBe(true)
  const elsewhere = {
    withChannel: async <T>(use: (channel: Channel) => Promise<T>) => {
      await using channel = await ordinary.openChannel()
      return await use(channel)
    },
  }
  await elsewhere.withChannel((channel) => channel.declareQueue(plainQueue(name)))
  expect(await isQuorumAsFound(elsewhere, plainQueue(name), [])).toBe(false)
})

it('says of a queue beside it that was made without a limit how to raise that', async () => {
  const queue = uniqueName('older')
  // As a version made it that knew nothing of the default type, seen from a classic queue.
  await withChannel((channel) => channel.declareQueue({ name: `${queue}.quarantine`, durable: true }))
  const classic = { name: queue, type: 'classic' as const }
  await using scene = await aWorker([echo], { broker: rabbit.url(VHOST), queues: [classic] })
  expect(await scene.logged('queue.companion')).toMatchObject({
    difference: expect.stringContaining('x-queue-type is quorum there'),
    hint: expect.stringContaining('delivery-limit'),
  })
})
