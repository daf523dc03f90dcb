import { oversizeIn } from '../../broker/message-size.ts'
import { TwqError } from '../../errors.ts'

/**
 * What the failure of a step of settling calls for.
 * - `away`: the broker or the result backend can't be reached, or takes no messages for now: try again for as long as it takes.
 * - `forbidden`: this user may not publish: the same, and nothing new is taken meanwhile.
 * - `refused`: this very message is not taken, since a queue is full or gone say: try again for a while.
 * - `never`: it will not be taken however often it is tried.
 */
export type Trouble = 'away' | 'forbidden' | 'refused' | 'never'

/** Classifies what a step of settling rejected with. */
export function troubleOf(error: unknown): Trouble {
  if (!TwqError.is(error)) return 'refused'
  switch (error.code) {
    case 'TWQ_BROKER_PERMISSION':
      return 'forbidden'
    case 'TWQ_UNSERIALISABLE':
    case 'TWQ_MESSAGE_MALFORMED':
    case 'TWQ_USAGE':
    case 'TWQ_PLUGIN':
    case 'TWQ_RESULT_REFUSED':
    case 'TWQ_CHORD_UNSUPPORTED':
      return 'never'
    case 'TWQ_PUBLISH_REFUSED':
      // It made the broker close the channel.
      return error.cause !== undefined || oversizeIn(error) !== undefined ? 'never' : 'refused'
    case 'TWQ_BROKER_UNREACHABLE':
    case 'TWQ_BROKER_AUTH':
    case 'TWQ_BROKER_VHOST':
    case 'TWQ_BROKER_TLS':
    case 'TWQ_BROKER_BLOCKED':
    case 'TWQ_CONNECTION_LOST':
    case 'TWQ_CHANNEL_CLOSED':
    case 'TWQ_PUBLISH_TIMEOUT':
    case 'TWQ_PUBLISH_OVERFLOW':
    case 'TWQ_RESULT_BACKEND':
    case 'TWQ_RESULT_BACKEND_LOGIN':
    case 'TWQ_CLOSED':
      return 'away'
    default:
      return 'refused'
  }
}

/**
 * Whether this user may publish to no queue at all, since the default exchange is closed to it: that is not specific to the one
 * message.
 */
export function mayNotPublish(error: unknown): boolean {
  return TwqError.is(error, 'TWQ_BROKER_PERMISSION') && /exchange '(amq\.default)?'/.test(error.message)
}
