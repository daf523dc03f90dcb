import type { PublishListener } from '../../src/broker/broker.ts'
import type { Publisher, PublishOptions } from '../../src/broker/publisher.ts'
import { decodeFieldTable } from '../../src/protocol/headers/decode-field-table.ts'
import type { Headers, Outgoing, WireMessage } from '../../src/protocol/wire.ts'

/** The `post` of a publisher that a test makes of a `publish` alone. */
export function postBy(publish: Publisher['publish']): Publisher['post'] {
  return (outgoing: Outgoing, options: PublishOptions, listener: PublishListener) => {
    publish(outgoing, options).then(
      (answer) => listener.confirmed(answer),
      (error: Error) => listener.refused(error),
    )
  }
}

/** The headers of a message in whichever form it has them. */
export function headersOf({ headers, rawHeaders }: WireMessage): Headers {
  return rawHeaders === undefined ? headers : decodeFieldTable(Buffer.from(rawHeaders)).fields
}
