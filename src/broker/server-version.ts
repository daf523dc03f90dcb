import type { ServerInfo } from './broker.ts'

/**
 * RabbitMQ 4.3 or newer, where a quorum queue itself takes back what is not acknowledged in time, and ends only its consumer;
 * classic queues do no such thing any more. Before, the channel is closed.
 */
export function endsLateConsumers({ product, version }: ServerInfo): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return product === 'RabbitMQ' && (major > 4 || (major === 4 && minor >= 3))
}

/** RabbitMQ 4 or newer, where transient shared queues and channel-wide prefetch limits are gone or going. */
export function isRabbitMq4(server: ServerInfo): boolean {
  return server.product === 'RabbitMQ' && Number.parseInt(server.version, 10) >= 4
}

/** The platform that twq's built-in broker sends; the product that it sends is RabbitMQ. */
export const BUILT_IN_PLATFORM = 'twq dev broker'

/** Whether quorum queues put messages in the order of their priorities: from 4.0 on, with no argument of theirs. */
export function quorumHeedsPriorities(server: ServerInfo | undefined): boolean {
  return server !== undefined && isRabbitMq4(server)
}
