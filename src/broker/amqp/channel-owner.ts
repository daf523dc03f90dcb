import type { TwqError } from '../../errors.ts'
import type { FrameWriter } from './frame-writer.ts'

/** The connection, as its channels use it. */
export interface ChannelOwner {
  /** Why the connection ended; undefined while it is open or when its end was asked for. */
  readonly failure: TwqError | undefined
  /** Why the broker reads nothing more from it, for now. */
  readonly blocked: string | undefined
  /** Writes to its socket. */
  readonly writer: FrameWriter
  /** Takes what a callback threw; it must not reach amqplib, which would close the channel or the connection. */
  onCallbackError(error: unknown): void
}

/** How long a close that was asked for may wait for the broker's answer, in milliseconds. */
export const CLOSE_TIMEOUT = 5_000
