import type { Properties, WireMessage } from '../../protocol/wire.ts'

/** The messages in the queue of schedules, by their AMQP type. */
export const MESSAGE_TYPES = {
  state: 'twq.schedules.state',
  /** Published by one that is about to lead: what lies before it has been read when it arrives. */
  marker: 'twq.schedules.marker',
  announcement: 'twq.schedules.announcement',
  command: 'twq.schedules.command',
} as const

/** The queue of the schedules of a namespace. */
export function schedulesQueue(namespace: string): string {
  return `twq.schedules.${namespace}`
}

/** A message for that queue. */
export function schedulesMessage(type: string, body: Uint8Array, properties: Properties = {}): WireMessage {
  return {
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2, type, ...properties },
    headers: {},
    body,
  }
}
