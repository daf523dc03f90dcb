import type { Headers } from '../../src/protocol/wire.ts'
import type { RawClient } from './raw-client.ts'

/** Header tables that a message sets out with, as bytes; undefined is a message without any. */
const TABLES: Readonly<Record<string, string | undefined>> = {
  'no headers': undefined,
  'an empty table': '',
  'a CC header, a 64-bit integer as Python tags it, a nested table':
    '\x01zs\x01\x2c\x02CCA\0\0\0\x09S\0\0\0\x04copy\x01aL\0\0\x01\0\0\0\0\0\x01mF\0\0\0\x04\x01zt\x01',
  'a BCC header, and no order': '\x03BCCA\0\0\0\x09S\0\0\0\x04copy\x01zV\x01aV',
  'an x-death that is none': '\x07x-deathS\0\0\0\x01x',
  'every type':
    '\x01bb\x7f\x01BB\x80\x01uu\xff\xff\x01ii\xff\xff\xff\xff\x01ff\0\0\0\0\x01DD\x02\0\0\0\x05\x01TT\0\0\0\0\0\0\0\x05' +
    '\x01xx\0\0\0\x02\x01\x02\x01lL\xff\xff\xff\xff\xff\xff\xff\xff\x01dd\x3f\xf0\0\0\0\0\0\0\x01tt\x01',
}

/**
 * Sends messages round a circle of two queues, one that expires and one whose consumer rejects, and writes down the
 * header bytes of each arrival, with the times of death left out.
 */
export async function deadLetterTrips(client: RawClient): Promise<Record<string, string[]>> {
  await client.channel()
  const declare = (queue: string, args: Headers): void =>
    client.send(1, 'queue.declare', {
      reserved1: 0,
      queue,
      passive: false,
      durable: false,
      exclusive: true,
      autoDelete: false,
      noWait: true,
      arguments: args,
    })
  const trips: Record<string, string[]> = {}
  for (const [index, [title, table]] of Object.entries(TABLES).entries()) {
    const [waiting, work] = [`waiting-${index}`, `work-${index}`]
    declare(waiting, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work, 'x-message-ttl': 1 })
    declare(work, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': waiting })
    const consumer = { reserved1: 0, queue: work, consumerTag: work, noLocal: false, noAck: false, exclusive: false }
    client.send(1, 'basic.consume', { ...consumer, noWait: true, arguments: {} })
    client.publish(
      1,
      { exchange: '', routingKey: work },
      {
        properties: { expiration: '60000', messageId: title },
        ...(table === undefined ? {} : { headers: Buffer.from(table, 'latin1') }),
      },
    )
    const seen: string[] = []
    for (let arrival = 0; arrival < 4; arrival++) {
      const { method, content } = await client.expect('basic.deliver')
      seen.push(`${JSON.stringify(content?.properties)} ${shown(content?.headers)}`)
      const { deliveryTag } = method.arguments
      if (arrival < 3) client.send(1, 'basic.reject', { deliveryTag, requeue: false })
      else client.send(1, 'basic.ack', { deliveryTag, multiple: false })
    }
    trips[title] = seen
  }
  return trips
}

function shown(headers: Uint8Array | undefined): string {
  if (headers === undefined) return 'none'
  const text = Buffer.from(headers).toString('latin1')
  return text
    .replaceAll(/timeT.{8}/gs, 'timeT<time>')
    .replaceAll(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
