import { changeHeaders } from '../headers/raw-headers.ts'
import type { Headers, WireMessage } from '../wire.ts'

/** The message with these headers, replacing any of the same names. Throws `TWQ_UNSERIALISABLE` as `changeHeaders` does. */
export function addHeaders(message: WireMessage, headers: Headers): WireMessage {
  return { ...message, ...changeHeaders(message, { drop: () => false, set: headers }) }
}
