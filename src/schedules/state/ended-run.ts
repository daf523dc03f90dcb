import type { Delivery } from '../../broker/broker.ts'
import { signature } from '../../canvas/signature.ts'
import { decodeBody } from '../../protocol/body.ts'
import { isRecord } from './state.ts'

/** The task that workers of either language are made to send when a run has ended: its queue is that of the schedules. */
const ENDED_TASK = 'twq.schedules.ended'

/**
 * The exchange by which it gets there. Celery declares a queue that a signature names, with settings that this one does not have, and takes the
 * default exchange for none at all; it leaves those that RabbitMQ brings along.
 */
export const ENDED_EXCHANGE = 'amq.direct'

/** A run of an entry that has ended, as what it was linked to tells. */
export interface EndedRun {
  readonly name: string
  readonly id: string
}

const LARGEST = 64 * 1024

/** The callback, and errback, of a run. */
export function endedSignature(queue: string, run: EndedRun) {
  const options = { immutable: true, exchange: ENDED_EXCHANGE, routingKey: queue, ignoreResult: true }
  return signature<string>(ENDED_TASK, { name: run.name, id: run.id }, options)
}

/** The run whose end a message tells; undefined for a message that tells of none. Throws `TWQ_MESSAGE_MALFORMED` for a body that can't be read. */
export function readEnded(delivery: Delivery): EndedRun | undefined {
  if (delivery.headers.task !== ENDED_TASK) return undefined
  const body = decodeBody(delivery, { maxBodySize: LARGEST })
  const kwargs = Array.isArray(body) ? body[1] : undefined
  const { name, id } = isRecord(kwargs) ? kwargs : {}
  return typeof name === 'string' && typeof id === 'string' ? { name, id } : undefined
}
