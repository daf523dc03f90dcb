import type { Attributes } from '@opentelemetry/api'
import type { TaskMessage } from '../protocol/task-message.ts'
import { formatTimestamp } from '../protocol/timestamps.ts'
import type { PluginAttempt, PluginSend } from '../tasks/plugin.ts'

/*
 * Names and values are those of opentelemetry-instrumentation-celery for Python, so that one query finds the spans of both. The
 * message's id stands under the name that the messaging conventions have now, and under the one that they had before.
 */

const SYSTEM = { 'messaging.system': 'rabbitmq' }

/** The attributes of the span of an attempt, but for how it ended. */
export function attemptAttributes({ message, queue, node, context }: PluginAttempt): Attributes {
  return {
    ...messageAttributes(message, queue),
    'celery.delivery_info': deliveryInfo(queue, message.priority, context.redelivered),
    // As there: its sender, where it says who that was.
    'celery.hostname': message.origin ?? node,
  }
}

/** Those that the message of an attempt has. */
export function messageAttributes(message: TaskMessage, queue: string): Attributes {
  const { id, task, correlationId, replyTo, retries, eta, expires } = message
  return {
    ...SYSTEM,
    'celery.action': 'run',
    'celery.task_name': task,
    ...idOf(id),
    'messaging.destination': queue,
    ...(correlationId !== '' && { 'messaging.conversation_id': correlationId }),
    ...(replyTo !== '' && { 'celery.reply_to': replyTo }),
    ...(retries > 0 && { 'celery.retries': retries }),
    ...(eta !== undefined && { 'celery.eta': formatTimestamp(eta) }),
    ...(expires !== undefined && { 'celery.expires': formatTimestamp(expires) }),
    ...timeLimit(message.timeLimit),
  }
}

/** The attributes of the span of a send, as far as they are known before it is sent. */
export function sendAttributes(send: PluginSend): Attributes {
  const { task, id, options } = send
  const { exchange, priority } = options
  const destination = destinationOf(send)
  return {
    ...SYSTEM,
    'celery.action': 'apply_async',
    'celery.task_name': task,
    ...(id !== undefined && idOf(id)),
    ...(destination !== undefined && { 'messaging.destination': destination, 'messaging.destination_kind': 'queue' }),
    ...(exchange !== undefined && exchange !== '' && { 'celery.exchange': exchange }),
    ...(priority !== undefined && { 'celery.priority': priority }),
  }
}

/** The routing key or the queue of a send; undefined where the routes are still to say. */
export function destinationOf({ options }: PluginSend): string | undefined {
  const { exchange, routingKey, queue } = options
  return exchange === undefined ? queue : (routingKey ?? queue)
}

function idOf(id: string): Attributes {
  return { 'messaging.message.id': id, 'messaging.message_id': id }
}

/** As Python shows a dictionary. */
function deliveryInfo(queue: string, priority: number | undefined, redelivered: boolean): string {
  const key = queue.replace(/[\\']/g, '\\$&')
  return `{'routing_key': '${key}', 'priority': ${priority ?? 0}, 'redelivered': ${redelivered ? 'True' : 'False'}}`
}

/** `[hard, soft]` in seconds; where one is missing as texts, an empty one for it. */
function timeLimit({ hard, soft }: TaskMessage['timeLimit']): Attributes {
  if (hard === undefined && soft === undefined) return {}
  const limits = [hard, soft]
  const seconds = limits.flatMap((limit) => (limit === undefined ? [] : [limit / 1_000]))
  if (seconds.length === 2) return { 'celery.timelimit': seconds }
  return { 'celery.timelimit': limits.map((limit) => (limit === undefined ? '' : `${limit / 1_000}`)) }
}
