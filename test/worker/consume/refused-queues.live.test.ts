import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { isRabbitMq4 } from '../../../src/broker/server-version.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Broadcast } from '../../../src/sending/broadcast.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { withChannel } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

const brokerAt = (url: string) => amqpBroker({ url, heartbeat: 10_000, name: 'test' })

/** Has a running worker take one more queue, as `app.control.add_consumer` does, and hears that it does not. */
async function refusedLater(url: string, { worker, logged }: WorkerScene, queue: object): Promise<unknown> {
  await using broadcast = await Broadcast.open(brokerAt(url), systemClock)
  await broadcast.tell('add_consumer', { ...queue }, [worker.node])
  return await logged('queue.refused')
}

/** Its tasks run, over the connection that it has had all along. */
async function runsOn(url: string, { queue, log }: WorkerScene): Promise<void> {
  await using client = createClient({ broker: url, queue })
  for (let n = 0; n < 10; n += 1) expect(await (await client.send(add, { x: n, y: 1 })).result()).toBe(n + 1)
  expect(log.entries.filter(({ event }) => event === 'broker.lost')).toEqual([])
}

describe('a queue that exists as a stream', () => {
  const stream = async (): Promise<string> => {
    const name = uniqueName('stream')
    await withChannel((channel) =>
      channel.declareQueue({ name, durable: true, arguments: { 'x-queue-type': 'stream' } }),
    )
    return name
  }

  it('is refused at the start, as in the configuration', async () => {
    const log = await stream()
    await expect(aWorker([add], { queues: [uniqueName('tasks'), log] })).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISMATCH',
      message: `queue "${log}" exists as a stream, which can't hold tasks`,
    })
  })

  it('is refused later, and the others are consumed all along', async () => {
    const log = await stream()
    await using scene = await aWorker([add])
    expect(await refusedLater(brokerUrl(), scene, { queue: log })).toMatchObject({ queue: log })
    await runsOn(brokerUrl(), scene)
  })
})

describe('a queue that asks for what the broker has disabled', () => {
  let node: RabbitNode
  /** Before 4.0 nothing is ever disabled. */
  let canDisable = false

  beforeAll(async () => {
    await using connection = await brokerAt(brokerUrl()).connect()
    canDisable = isRabbitMq4(connection.server)
    const config = { 'deprecated_features.permit.transient_nonexcl_queues': false }
    node = await startRabbit(canDisable ? { config } : {})
  })
  afterAll(() => node?.[Symbol.asyncDispose]())

  it('is refused at the start, by its name and the setting', async () => {
    const fleeting = uniqueName('fleeting')
    const queues = [uniqueName('tasks'), { name: fleeting, durable: false }]
    const starting = aWorker([add], { broker: node.url(), queues })
    if (!canDisable) return await (await starting)[Symbol.asyncDispose]()
    await expect(starting).rejects.toMatchObject({
      code: 'TWQ_QUEUE_MISMATCH',
      message: `queue "${fleeting}" can't be declared: the broker has disabled transient_nonexcl_queues, which durable: false asks for`,
      hint: expect.stringContaining('deprecated_features.permit.transient_nonexcl_queues = true'),
    })
  })

  it('is refused later, and the others are consumed all along', async () => {
    await using scene = await aWorker([add], { broker: node.url() })
    const fleeting = { queue: uniqueName('fleeting'), durable: false }
    if (canDisable) {
      expect(await refusedLater(node.url(), scene, fleeting)).toMatchObject({
        error: expect.stringContaining('disabled'),
      })
    }
    await runsOn(node.url(), scene)
  })

  it('is refused to a client by its name', async () => {
    const queue = { name: uniqueName('fleeting'), durable: false }
    await using client = createClient({ broker: node.url(), queue: queue.name, queues: [queue] })
    const sending = client.send(add, { x: 1, y: 2 })
    if (!canDisable) await sending
    else
      await expect(sending).rejects.toMatchObject({
        code: 'TWQ_QUEUE_MISMATCH',
        hint: expect.stringContaining('permit'),
      })
  })
})
