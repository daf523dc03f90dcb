import type { Outgoing, Route, WireMessage } from '../wire.ts'
import { decodeFieldTable } from './decode-field-table.ts'
import { encodeTable } from './encode-field-table.ts'
import { type HeaderForms, spliceTable } from './raw-headers.ts'
import { type CopyOptions, isMark, isOfThePast, markedCopy } from './suspect.ts'

const IN_BODY = 'x-twq-headers-in-body'
/** The size of a header table that fits into RabbitMQ's largest frame. */
const LARGEST_TABLE = 131_072

/**
 * A marked copy of a message whose headers and marks do not fit into a frame: its header table is put before the body. Only for a
 * queue of suspects, which no other program reads; `unpacked` undoes it.
 */
export function packedCopy(original: WireMessage & { readonly route: Route }, to: CopyOptions): Outgoing {
  const { route, message } = markedCopy(original, to)
  const table = spliceTable(message.rawHeaders ?? encodeTable(message.headers), { drop: isOfThePast })
  const marks = Object.fromEntries(Object.entries(message.headers).filter(([name]) => isMark(name)))
  const headers = { ...marks, [IN_BODY]: table.length }
  return {
    route,
    message: { properties: message.properties, headers, body: Buffer.concat([table, message.body]) },
  }
}

/** The headers, including marks, and the body of a packed copy; undefined for any other message. Never throws. */
export function unpacked(packed: WireMessage): (HeaderForms & Pick<WireMessage, 'body'>) | undefined {
  const { headers, rawHeaders, body } = packed
  const length = headers[IN_BODY]
  if (typeof length !== 'number' || !Number.isInteger(length)) return undefined
  if (length < 0 || length > Math.min(body.length, LARGEST_TABLE)) return undefined
  const table = spliceTable(rawHeaders ?? encodeTable(headers), { drop: (name) => !isMark(name) })
  const { fields, bytes, error } = decodeFieldTable(Buffer.concat([body.subarray(0, length), table]))
  return { headers: fields, rawHeaders: bytes, headersError: error, body: body.subarray(length) }
}
