import type { QueueControls } from '../../control/worker-view.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { Suspects } from '../consume/suspects.ts'

/** Has a worker take tasks from other queues while it runs: each together with its suspects. */
export function queueControls(consumer: Consumer, suspects: Suspects): QueueControls {
  return {
    all: () => consumer.queues,
    async add(queue) {
      // The consumer finds out what the queue is, and so what its suspects are to be.
      await consumer.add(queue)
      await suspects.add(queue.name)
    },
    async remove(name) {
      await suspects.remove(name)
      return await consumer.remove(name)
    },
  }
}
