import type { QueueControls } from '../../control/worker-view.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { Suspects } from '../consume/suspects.ts'

/** Adds and removes queues of a running worker, each together with its suspects. */
export function queueControls(consumer: Consumer, suspects: Suspects): QueueControls {
  return {
    all: () => consumer.queues,
    async add(queue) {
      // The consumer determines the type of the queue, and thus that of its suspects.
      await consumer.add(queue)
      await suspects.add(queue.name)
    },
    async remove(name) {
      await suspects.remove(name)
      return await consumer.remove(name)
    },
  }
}
