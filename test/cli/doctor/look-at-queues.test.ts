import { afterEach, expect, it, vi } from 'vitest'
import type { Connection } from '../../../src/broker/broker.ts'
import { ANSWER_PATIENCE } from '../../../src/broker/in-time.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { lookAtQueue } from '../../../src/cli/doctor/look-at-queues.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('says of a queue that the broker does not answer a declaration of it', async () => {
  const connection = await createMemoryBroker().connect()
  const queue = plainQueue('mail')
  await (await connection.openChannel()).declareQueue(queue)
  // As RabbitMQ without a majority of its nodes: it tells how many messages there are, and declares nothing.
  const silent: Connection = Object.create(connection, {
    openChannel: {
      value: async () => Object.assign(await connection.openChannel(), { declareQueue: () => new Promise(() => {}) }),
    },
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const looked = expect(lookAtQueue(silent, queue, undefined)).rejects.toMatchObject({ code: 'TWQ_QUEUE_DOWN' })
  await vi.advanceTimersByTimeAsync(ANSWER_PATIENCE)
  await new Promise((resolve) => setImmediate(resolve))
  await vi.advanceTimersByTimeAsync(ANSWER_PATIENCE)
  await looked
  await connection[Symbol.asyncDispose]()
})
