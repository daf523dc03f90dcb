import { TwqError } from '../errors.ts'

/** A message that the broker refuses for its size. Both in bytes of its body. */
export interface Oversize {
  readonly size: number
  /** RabbitMQ's `max_message_size`. */
  readonly limit: number
}

/** Reads RabbitMQ's words for it (406 PRECONDITION_FAILED, which closes the channel); undefined for any others. */
export function readOversize(text: string): Oversize | undefined {
  // rabbit_channel.erl, check_msg_size: "configured" is left out for the largest size that there can be.
  const said = /message size (\d+) is larger than (?:configured )?max size (\d+)/.exec(text)
  return said === null ? undefined : { size: Number(said[1]), limit: Number(said[2]) }
}

const LARGER = /a message of (\d+) bytes is larger than the (\d+) bytes that the broker takes/

/** The error of a message that the broker takes neither now nor later. */
export function oversizeError({ size, limit }: Oversize, cause?: unknown): TwqError {
  return new TwqError(
    'TWQ_PUBLISH_REFUSED',
    `a message of ${size} bytes is larger than the ${limit} bytes that the broker takes`,
    { hint: 'Send less, a reference to a file say, or raise max_message_size in rabbitmq.conf.', cause },
  )
}

/** The sizes in an error of `oversizeError`; undefined for any other. */
export function oversizeIn(error: unknown): Oversize | undefined {
  if (!TwqError.is(error, 'TWQ_PUBLISH_REFUSED')) return undefined
  const said = LARGER.exec(error.message)
  return said === null ? undefined : { size: Number(said[1]), limit: Number(said[2]) }
}
