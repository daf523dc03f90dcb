const QUARANTINE = '.quarantine'

/** How long a task queue's name may be, in bytes: its companions' names, of which that of its quarantine is the longest, take 255 at most. */
export const LONGEST_QUEUE_NAME = 255 - QUARANTINE.length

/** The durable queue beside `queue` for messages that can't be used. */
export function quarantineQueue(queue: string): string {
  return `${queue}${QUARANTINE}`
}

/** The durable queue beside `queue` for messages that may have killed the workers that took them. */
export function suspectsQueue(queue: string): string {
  return `${queue}.suspects`
}

/** The durable queue beside `queue` for the messages of tasks that ended in FAILURE for good. */
export function failedQueue(queue: string): string {
  return `${queue}.failed`
}

/** The task queue that a queue of this name would lie beside; undefined where the name is not one of those. */
export function taskQueueOf(companion: string): string | undefined {
  return /^(.+)\.(?:quarantine|suspects|failed)$/s.exec(companion)?.[1]
}
