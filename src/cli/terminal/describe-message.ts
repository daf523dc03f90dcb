import type { Outgoing } from '../../protocol/wire.ts'

/** A message as it would go over the wire, in fields that people and programs can read; the names are AMQP's. */
export function describeMessage({ route, message }: Outgoing): Readonly<Record<string, unknown>> {
  const properties = Object.entries(message.properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [snakeCase(name), value])
  return {
    exchange: route.exchange,
    routing_key: route.routingKey,
    properties: Object.fromEntries(properties),
    headers: message.headers,
    body: Buffer.from(message.body).toString('utf8'),
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
