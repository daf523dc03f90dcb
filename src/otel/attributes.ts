import type { Attributes } from '@opentelemetry/api'
import type { TaskMessage } from '../protocol/task-message.ts'
import { formatTimestamp } from '../protocol/timestamps.ts'
import type { PluginAttempt, PluginSend } from '../tasks/plugin.ts'

/**
 * Names and values are those of opentelemetry-instrumentation-celery for Python, so that one query finds the spans of both. The
 * message's id is set under its current name in the messaging conventions and under the former one.
 */

const SYSTEM = { 'messaging.system': 'rabbitmq' }

/** The attributes of an attempt's span, except for how it ended. */
export function attemptAttributes({ message, queue, node, context }: PluginAttempt): Attributes {
  return {
    ...messageAttributes(message, queue),
    'celery.delivery_info': deliveryInfo(queue, message.priority, context.redelivered),
    // As there: its sender, if known.
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

/** The attributes of a send's span, as far as they are known before it is sent. */
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

/** The routing key or queue of a send; undefined if routes decide later. */
export function destinationOf({ options }: PluginSend): string | undefined {
  const { exchange, routingKey, queue } = options
  return exchange === undefined ? queue : (routingKey ?? queue)
}

function idOf(id: string): Attributes {
  return { 'messaging.message.id': id, 'messaging.message_id': id }
}

/** In Python's notation for a dictionary. */
function deliveryInfo(queue: string, priority: number | undefined, redelivered: boolean): string {
  const key = queue.replace(/[\\']/g, '\\$&')
  return `{'routing_key': '${key}', 'priority': ${priority ?? 0}, 'redelivered': ${redelivered ? 'True' : 'False'}}`
}

/** `[hard, soft]` in seconds; if one is missing, both as texts, an empty one for it. */
function timeLimit({ hard, soft }: TaskMessage['timeLimit']): Attributes {
  if (hard === undefined && soft === undefined) return {}
  const limits = [hard, soft]
  const seconds = limits.flatMap((limit) => (limit === undefined ? [] : [limit / 1_000]))
  if (seconds.length === 2) return { 'celery.timelimit': seconds }
  return { 'celery.timelimit': limits.map((limit) => (limit === undefined ? '' : `${limit / 1_000}`)) }
}
