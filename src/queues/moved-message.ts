import { restoreQuarantined } from '../protocol/headers/quarantine.ts'
import { changeHeaders, type HeaderForms } from '../protocol/headers/raw-headers.ts'
import { resendable } from '../protocol/headers/resendable.ts'
import { deliveryCount, markedCopy, readMarks, sendsElsewhere } from '../protocol/headers/suspect.ts'
import type { Outgoing, Route, WireMessage } from '../protocol/wire.ts'

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
  const properties = resendable({ ...original.properties, userId: undefined })
  const elsewhere = Object.keys(original.headers).some(sendsElsewhere)
  const forms = elsewhere ? changeHeaders(original, { drop: sendsElsewhere }) : formsOf(original)
  return { route: { exchange: '', routingKey: queue }, message: { properties, ...forms, body: original.body } }
}

function formsOf({ headers, rawHeaders }: WireMessage): HeaderForms {
  return { headers, rawHeaders }
}
