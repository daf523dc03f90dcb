import { messageOf, TwqError } from '../../errors.ts'

/**
 * The error for a message or a request that could not be encoded. Both are encoded before anything is written: after a refusal nothing
 * was sent in part.
 */
export function unsendable(what: 'message' | 'request', error: unknown): TwqError {
  if (TwqError.is(error)) return error
  const code = what === 'message' ? 'TWQ_UNSERIALISABLE' : 'TWQ_USAGE'
  return new TwqError(code, `the ${what} can't be sent: ${messageOf(error)}`, { cause: error })
}
