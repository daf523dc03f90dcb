import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { startRabbit } from '../../support/provision/rabbit.ts'
import { uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

it('gives back what has not begun, and leaves, while the broker takes no messages', async () => {
  await using node = await startRabbit()
  const queue = uniqueName('blocked')
  const [begun, over] = [deferred<void>(), deferred<void>()]
  const hold = defineTask({
    name: 'hold',
    ignoreResult: true,
    run() {
      begun.resolve()
      return over.promise
    },
  })
  const config = { broker: node.url(), queues: [queue], concurrency: 1, prefetch: 3 }
  await using scene = await aWorker([hold], { ...config, shutdown: { grace: '10s', abort: '5s' } })
  await using connection = await amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()
  await using channel = await connection.openChannel()
  for (const id of ['a', 'b', 'c']) {
    const message = {
      properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
      headers: { task: 'hold', id },
      body: Buffer.from('[[], {}, {}]'),
    } as const
    await channel.publish({ exchange: '', routingKey: queue }, message, { mandatory: true })
  }
  await begun.promise
  await pollUntil(
    'three in hand',
    async () => (scene.worker.report().tasks as readonly unknown[]).length,
    (count) => count === 3,
  )

  await node.ctl('set_vm_memory_high_watermark', '0.0001')
  await scene.logged('broker.blocked')
  const stopped = scene.worker.stop('warm')
  await scene.logged('worker.draining')
  over.resolve()
  expect(await stopped).toBe('clean')
  await using reading = await amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()
  await using asking = await reading.openChannel()
  expect(await asking.inspectQueue(queue)).toMatchObject({ messages: 2 })
})
