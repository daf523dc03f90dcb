import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import type { Moments } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { RequestTable } from '../request/request-table.ts'
import { ConsumerTimeouts } from './consumer-timeouts.ts'
import { Consumer } from './queue-consumer.ts'
import { QueueDeclarer, type QueueDeclarerParts } from './queue-declarer.ts'
import { Suspects } from './suspects.ts'

/** The parts that the consumers are made of. */
export interface OpenConsumersParts extends QueueDeclarerParts {
  readonly config: Pick<Config, 'queues' | 'failures'>
  readonly consuming: Session
  readonly careful: CarefulConsumers
  readonly prefetch: Prefetch
  readonly table: RequestTable
  readonly moments: Moments
}

/** The consumers of a worker: of its task queues, and of their suspects. */
export interface Consumers {
  readonly consumer: Consumer
  readonly suspects: Suspects
  readonly timeouts: ConsumerTimeouts
  readonly declarer: QueueDeclarer
}

/** The consumers of a worker, with what declares their queues; they consume nothing before they are set up on a channel. */
export function openConsumers(parts: OpenConsumersParts): Consumers {
  const { queues } = parts.config
  const declarer = new QueueDeclarer(parts)
  const timeouts = new ConsumerTimeouts({ ...parts, session: parts.consuming })
  const names = queues.map(({ name }) => name)
  return {
    consumer: new Consumer({ ...parts, queues, timeouts, declare: (queue) => declarer.task(queue) }),
    suspects: new Suspects(names, { ...parts, timeouts, declare: (queue) => declarer.suspects(queue) }),
    timeouts,
    declarer,
  }
}
