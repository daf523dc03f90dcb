import type { DecodedTable } from '../../protocol/headers/decode-field-table.ts'
import type { Properties } from '../../protocol/wire.ts'

/** A message that the broker has delivered to a consumer. */
export interface ReceivedMessage {
  readonly consumerTag: string
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly properties: Properties
  readonly headers: DecodedTable | undefined
  /** A view of what was read from the socket. */
  readonly body: Buffer
}
