import type { Connection, QueueStatus } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../../protocol/companion-queues.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { ManagedQueue } from '../../queues/management.ts'
import { askInTime, queueStatus } from '../../queues/queue-access.ts'

/** The facts about one configured queue that can be read without a change. */
export interface QueueFacts {
  /** As the configuration has it. */
  readonly queue: TaskQueue
  /** Undefined when it does not exist, or is down. */
  readonly status: QueueStatus | undefined
  /** Why it, or one beside it, can't be reached: its node is down. */
  readonly down: TwqError | undefined
  /** Why it is not as the configuration declares it, or may not be declared at all; undefined when all is well. */
  readonly refusal: TwqError | undefined
  readonly quarantine: QueueStatus | undefined
  readonly suspects: QueueStatus | undefined
  readonly failed: QueueStatus | undefined
  /** The management API's answer about it, where it was asked. */
  readonly managed: ManagedQueue | undefined
}

/** Looks at a queue, and at those beside it. A queue that does not exist is not created. */
export async function lookAtQueue(
  connection: Connection,
  queue: TaskQueue,
  managed: ManagedQueue | undefined,
): Promise<QueueFacts> {
  const { name } = queue
  let down: TwqError | undefined
  const onDown = (error: TwqError): void => {
    down ??= error
  }
  const [status, quarantine, suspects, failed] = await Promise.all(
    [name, quarantineQueue(name), suspectsQueue(name), failedQueue(name)].map((one) =>
      queueStatus(connection, one, onDown),
    ),
  )
  return {
    queue,
    status,
    // Declaring what exists creates nothing; a difference is refused.
    refusal: status === undefined ? undefined : await refusalOf(connection, queue),
    quarantine,
    suspects,
    failed,
    managed,
    down,
  }
}

async function refusalOf(connection: Connection, queue: TaskQueue): Promise<TwqError | undefined> {
  try {
    await askInTime(connection, (channel) => channel.declareQueue(queue))
    return undefined
  } catch (error) {
    if (TwqError.is(error, 'TWQ_QUEUE_MISMATCH', 'TWQ_BROKER_PERMISSION')) return error
    throw error
  }
}
