import { REPLY, Refusal } from '../broker/memory/refusal.ts'

/** 501: bytes that are no frame, or no method. */
export const frameError = (what: string): Refusal => new Refusal(REPLY.frameError, `FRAME_ERROR - ${what}`)
/** 505: a frame of the wrong kind. */
export const unexpectedFrame = (what: string): Refusal =>
  new Refusal(REPLY.unexpectedFrame, `UNEXPECTED_FRAME - ${what}`)
/** 504: a method at the wrong time. */
export const channelError = (what: string): Refusal => new Refusal(REPLY.channelError, `CHANNEL_ERROR - ${what}`)
/** 506: more than the broker is ready to hold. */
export const resourceError = (what: string): Refusal => new Refusal(REPLY.resourceError, `RESOURCE_ERROR - ${what}`)
/** 320: the broker ends the connection for its own reasons. */
export const connectionForced = (what: string): Refusal =>
  new Refusal(REPLY.connectionForced, `CONNECTION_FORCED - ${what}`)
/** 541: something that the broker had not foreseen. */
export const internalError = (): Refusal => new Refusal(REPLY.internalError, 'INTERNAL_ERROR')

/** Bytes as RabbitMQ shows them. */
export function octets(bytes: Uint8Array): string {
  return `<<${[...bytes].join(',')}>>`
}

/** Ends the connection: the refusal, and the method that brought it about. */
export class MethodFailure extends Error {
  readonly refusal: Refusal
  readonly id: readonly [classId: number, methodId: number]

  constructor(cause: unknown, id: readonly [number, number]) {
    super('a method failed', { cause })
    this.refusal = cause instanceof Refusal ? cause : internalError()
    // RabbitMQ names no method when it was surprised itself.
    this.id = this.refusal.code === REPLY.internalError ? NO_METHOD : id
  }
}

/** The id of a failure that no method brought about. */
export const NO_METHOD: readonly [number, number] = [0, 0]
