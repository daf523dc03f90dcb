import type { ServerInfo } from './broker.ts'

/** RabbitMQ 4 or newer, where transient shared queues and channel-wide prefetch limits are gone or going. */
export function isRabbitMq4(server: ServerInfo): boolean {
  return server.product === 'RabbitMQ' && Number.parseInt(server.version, 10) >= 4
}
