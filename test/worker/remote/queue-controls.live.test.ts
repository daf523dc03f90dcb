import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { encodeRequest } from '../../../src/protocol/remote/pidbox.ts'
import { withChannel } from '../../../src/queues/queue-access.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

it('has the last of several requests for a queue count, though they arrive together', async () => {
  await using scene = await aWorker([add])
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  const request = (method: string, queue: string) =>
    encodeRequest({ method, arguments: { queue }, destination: [scene.worker.node], clock: 1 })
  /** Sends requests for a queue, without waiting for any of them. */
  const tell = (queue: string, ...methods: readonly string[]) =>
    withChannel(connection, (channel) =>
      Promise.all(
        methods.map((method) => channel.publish({ exchange: 'celery.pidbox', routingKey: '' }, request(method, queue))),
      ),
    )
  const consumersOf = (queue: string) =>
    withChannel(connection, async (channel) => (await channel.inspectQueue(queue)).consumers)
  const run = async (queue: string) =>
    await (await scene.client.send(add, { x: 1, y: 2 }, { queue })).result({ timeout: '60s' })

  const [extra, left] = [uniqueName('extra'), uniqueName('left')]
  await tell(extra, 'add_consumer')
  expect(await run(extra)).toBe(3)
  await tell(scene.queue, 'cancel_consumer', 'add_consumer')
  await tell(extra, 'cancel_consumer', 'add_consumer')
  expect(await run(scene.queue)).toBe(3)
  expect(await run(extra)).toBe(3)

  await withChannel(connection, (channel) => channel.declareQueue({ name: left, durable: true }))
  await tell(left, 'add_consumer', 'cancel_consumer')
  // Its suspects would be consumed after the queue itself.
  await tell(extra, 'cancel_consumer')
  await pollUntil(
    'the end of the consumers',
    () => consumersOf(extra),
    (count) => count === 0,
  )
  expect(await consumersOf(left)).toBe(0)
  await pollUntil(
    'the consumers of suspects',
    () => consumersOf(suspectsQueue(extra)),
    (count) => count === 0,
  )
  expect(await consumersOf(suspectsQueue(left)).catch(() => 0)).toBe(0)
})
