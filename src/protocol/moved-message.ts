import { restoreQuarantined } from './quarantine.ts'
import { deliveryCount, markedCopy, readMarks } from './suspect.ts'
import type { Headers, Outgoing, Route, WireMessage } from './wire.ts'

/**
 * The message as it goes on to another queue: the same bytes, and to that queue alone. One that may have started before
 * carries that along in our headers, since the broker calls it redelivered no more.
 */
export function movedMessage(
  original: WireMessage & { readonly route: Route; readonly redelivered: boolean },
  queue: string,
): Outgoing {
  const returns = deliveryCount(original.headers)
  const markable = original.headersError === undefined && restoreQuarantined(original) === undefined
  if (markable && (original.redelivered || returns !== undefined)) {
    const starts = readMarks(original.headers).starts + (original.redelivered ? (returns ?? 1) : 0)
    return markedCopy(original, { queue, starts, redelivered: true })
  }
  const { userId: _, ...properties } = original.properties
  const { rawHeaders, body } = original
  const message = sendsElsewhere(original.headers)
    ? { properties, headers: withoutCopies(original.headers), body }
    : { properties, headers: original.headers, rawHeaders, body }
  return { route: { exchange: '', routingKey: queue }, message }
}

// RabbitMQ delivers to the queues of these two headers as well.
function sendsElsewhere(headers: Headers): boolean {
  return 'CC' in headers || 'BCC' in headers
}

function withoutCopies({ CC: _, BCC: __, ...headers }: Headers): Headers {
  return headers
}
