import { TwqError } from '../errors.ts'
import type { CloseReason } from './broker.ts'

/** The error for what still waited on a channel or connection when that ended: why it was lost, or `TWQ_CLOSED`. */
export function closeError(reason: CloseReason): Error {
  if (reason.kind === 'lost') return reason.error
  return new TwqError('TWQ_CLOSED', 'the connection was closed while an answer was awaited on it')
}
