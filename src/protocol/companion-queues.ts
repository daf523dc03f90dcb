const QUARANTINE = '.quarantine'

/**
 * The longest allowed name of a task queue, in bytes: the names of its companion queues, of which the quarantine's is the
 * longest, may have 255 at most.
 */
export const LONGEST_QUEUE_NAME = 255 - QUARANTINE.length

/** The durable companion of `queue` for messages that can't be used. */
export function quarantineQueue(queue: string): string {
  return `${queue}${QUARANTINE}`
}

/** The durable companion of `queue` for messages that may have killed the workers that received them. */
export function suspectsQueue(queue: string): string {
  return `${queue}.suspects`
}

/** The durable companion of `queue` for messages of tasks that ended in FAILURE. */
export function failedQueue(queue: string): string {
  return `${queue}.failed`
}

/** The task queue that a companion queue of this name belongs to; undefined for any other name. */
export function taskQueueOf(companion: string): string | undefined {
  return /^(.+)\.(?:quarantine|suspects|failed)$/s.exec(companion)?.[1]
}
