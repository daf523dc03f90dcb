import { expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { decodeTask } from '../../src/protocol/task/decode-task.ts'
import { originalOf, searchSetAside, setAsideQueues } from '../../src/queues/set-aside.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { queueOnce } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const add = defineTask({ name: 'add', run() {} })

it.each(['classic', 'quorum'] as const)('looking for a message beside a %s queue never costs it', async (type) => {
  const queue = { name: uniqueName(type), type }
  await using scene = await aWorker([add], { queues: [queue] })
  const { id } = await scene.client.send('nope', [1, 'two'], { headers: { tenant: 'acme' } })
  const other = await scene.client.send('nope', [])
  const [, quarantine] = setAsideQueues(queue.name)
  await queueOnce(quarantine!.name, ({ messages }) => messages === 2)
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  // From RabbitMQ 4 on a quorum queue drops what came back 20 times, unless it is told otherwise.
  for (let look = 0; look < 25; look++) {
    const { found, looked, unseen } = await searchSetAside(connection, quarantine!, { id, whole: true })
    expect({ ids: found.map((message) => message.id), looked, unseen }).toEqual({ ids: [id], looked: 2, unseen: 0 })
    await queueOnce(quarantine!.name, ({ messages }) => messages === 2)
    if (look > 0) continue
    const original = originalOf(found[0]!)
    expect(decodeTask(original!, { maxBodySize: 1_000 })).toMatchObject({
      kind: 'task',
      message: { id, task: 'nope', args: [1, 'two'], headers: { tenant: 'acme' } },
    })
  }
  const bounded = await searchSetAside(connection, quarantine!, { id: other.id, limit: 1, whole: false })
  expect(bounded).toMatchObject({ found: [], looked: 1, unseen: 1 })
  await queueOnce(quarantine!.name, ({ messages }) => messages === 2)
})

it('finds nothing where there is no such queue', async () => {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  for (const queue of setAsideQueues('nowhere')) {
    expect(await searchSetAside(connection, queue, { id: 'x', whole: false })).toMatchObject({ found: [], looked: 0 })
  }
})
