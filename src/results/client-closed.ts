import { TwqError } from '../errors.ts'

/** The `TWQ_CLOSED` for calls of a client that was closed, and for results that were awaited when it was. */
export function clientClosed(): TwqError {
  return new TwqError('TWQ_CLOSED', 'the client was closed', {
    hint: 'Await sends and results before client.close(). A closed client stays closed: create another one with createClient.',
  })
}
