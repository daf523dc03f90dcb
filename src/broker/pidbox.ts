import type { Channel, QueueSpec, QueueStatus, ServerInfo } from './broker.ts'
import { isRabbitMq4 } from './server-version.ts'

// Celery's declarations of remote control to the letter (sections 1.2 and 7 of the wire specification): RabbitMQ refuses any
// that differs from what exists, and closes the channel that asked.

/** Where remote-control requests go, to all workers. */
export const PIDBOX_EXCHANGE = 'celery.pidbox'
/** Where replies to remote-control requests go. */
export const PIDBOX_REPLY_EXCHANGE = 'reply.celery.pidbox'
const PIDBOX_QUEUE_ARGUMENTS = { 'x-expires': 10_000, 'x-message-ttl': 300_000 }
const TRANSIENT = { durable: false, autoDelete: true, arguments: PIDBOX_QUEUE_ARGUMENTS }

/** Declares the exchange of remote-control requests. */
export function declarePidboxExchange(channel: Channel): Promise<void> {
  return channel.declareExchange({ name: PIDBOX_EXCHANGE, type: 'fanout', durable: false })
}

/**
 * Declares a worker's mailbox for remote-control requests and resolves with the queue's counts before this worker
 * consumes it. Rejects with `TWQ_QUEUE_LOCKED` or `TWQ_QUEUE_MISMATCH` where another worker of this name, one of another
 * version or in Python, has declared it in its own way.
 */
export async function declarePidbox(channel: Channel, nodeName: string, server: ServerInfo): Promise<QueueStatus> {
  const [status] = await Promise.all([
    channel.declareQueue({ name: mailboxOf(nodeName), ...mailboxQueue(server) }),
    bindPidbox(channel, nodeName),
  ])
  return status
}

/** Declares the exchange of remote-control requests, and binds a worker's mailbox, which exists, to it. */
export async function bindPidbox(channel: Channel, nodeName: string): Promise<void> {
  await Promise.all([declarePidboxExchange(channel), channel.bind(mailboxOf(nodeName), PIDBOX_EXCHANGE, '')])
}

function mailboxOf(nodeName: string): string {
  return `${nodeName}.${PIDBOX_EXCHANGE}`
}

/** Declares the exchange that a remote-control request names for its replies. */
export function declarePidboxReplyExchange(channel: Channel, name = PIDBOX_REPLY_EXCHANGE): Promise<void> {
  return channel.declareExchange({ name, type: 'direct', durable: false })
}

/** The queue where the replies to one remote-control client arrive; `oid` is its routing key. */
export function pidboxReplies(oid: string): string {
  return `${oid}.${PIDBOX_REPLY_EXCHANGE}`
}

/** Declares where the replies to one remote-control client arrive; resolves with the queue's name. */
export async function declarePidboxReplies(channel: Channel, oid: string, server: ServerInfo): Promise<string> {
  const name = pidboxReplies(oid)
  await Promise.all([
    declarePidboxReplyExchange(channel),
    channel.declareQueue({ name, ...TRANSIENT, exclusive: isRabbitMq4(server) }),
    channel.bind(name, PIDBOX_REPLY_EXCHANGE, oid),
  ])
  return name
}

/**
 * Up to 3.x Celery's declaration, which a Python worker of the same name makes as well: a difference is refused. RabbitMQ 4
 * may refuse transient queues that several connections use, and an exclusive one would lock out the next worker of this
 * name, or this one on its next connection; so it is durable there, and still goes with its last consumer.
 */
function mailboxQueue(server: ServerInfo): Omit<QueueSpec, 'name'> {
  if (!isRabbitMq4(server)) return TRANSIENT
  return { ...TRANSIENT, durable: true, arguments: { ...PIDBOX_QUEUE_ARGUMENTS, 'x-queue-type': 'classic' } }
}
