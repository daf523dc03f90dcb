import type { Delivery } from '../../src/broker/broker.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { Request } from '../../src/worker/request/request.ts'
import { aTaskMessage } from './a-task-message.ts'

/** A delivery that writes down what becomes of it. */
export interface RecordedDelivery extends Delivery {
  settlement: 'none' | 'acked' | 'requeued' | 'dropped'
}

let tags = 0

/** A delivery as it would come from a channel; `alive: false` is one whose channel is gone. */
export function aDelivery(fields: Partial<Delivery> = {}): RecordedDelivery {
  tags += 1
  const alive = fields.alive ?? true
  const settle = (delivery: RecordedDelivery, settlement: RecordedDelivery['settlement']): boolean => {
    if (alive) delivery.settlement = settlement
    return alive
  }
  return {
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    headers: {},
    body: Buffer.from('[[], {}, {}]'),
    route: { exchange: '', routingKey: 'celery' },
    redelivered: false,
    deliveryTag: tags,
    alive,
    settlement: 'none',
    ack() {
      return settle(this as RecordedDelivery, 'acked')
    },
    nack({ requeue }) {
      return settle(this as RecordedDelivery, requeue ? 'requeued' : 'dropped')
    },
    ...fields,
  }
}

/** A request for a task that does nothing. */
export function aRequest(
  message: Partial<TaskMessage> = {},
  delivery: Partial<Delivery> = {},
  acks: 'late' | 'early' = 'late',
): Request {
  const task = defineTask({ name: message.task ?? 'add', run: () => null })
  const invocation = { message: aTaskMessage(message), queue: 'celery', redelivered: false, node: 'twq@test' }
  return new Request(aDelivery(delivery), task, acks, invocation)
}
