import type { QueueControls } from '../../control/worker-view.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { Suspects } from '../consume/suspects.ts'

/** Adds and removes queues of a running worker, each together with its suspects. Of requests that overlap the last one counts. */
export function queueControls(consumer: Consumer, suspects: Suspects): QueueControls {
  return {
    all: () => consumer.queues,
    async add(queue) {
      // The consumer determines the type of the queue, and thus that of its suspects.
      await consumer.add(queue)
      // It may have been removed meanwhile.
      if (consumer.queues.some(({ name }) => name === queue.name)) await suspects.add(queue.name)
    },
    async remove(name) {
      // Both give up the queue before anything is awaited: one that is added from now on is consumed again.
      const [removed] = await Promise.all([consumer.remove(name), suspects.remove(name)])
      return removed
    },
  }
}
