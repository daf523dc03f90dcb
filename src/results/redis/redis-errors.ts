import { messageOf, TwqError } from '../../errors.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'

/** Whether it is an error reply of the server. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

// The stored or the given value is the cause: the server answers the same however often it is asked.
const WRONG_DATA = /\bWRONGTYPE\b|^ERR (value is|hash value|min or max|string exceeds|increment or decrement)/

// Errors of a server that accepts the same command later: about memory, or its role in a cluster.
const PASSING =
  /^(LOADING|MASTERDOWN|READONLY|OOM|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|NOPERM|NOAUTH|WRONGPASS|EXECABORT|ERR max)/

/** Whether a command failed because of the value under a key, or the value to store: retrying can't help. */
export function isWrongData(error: unknown): error is Error {
  return isRefusal(error) && WRONG_DATA.test(error.message)
}

/** `TWQ_RESULT_REFUSED`, for a command that the server refuses every time. */
export function wrongData(cause: Error): TwqError {
  return new TwqError(
    'TWQ_RESULT_REFUSED',
    `the result backend can't take a command: ${maskPasswords(cause.message)}`,
    {
      hint: 'Does another program write to these keys? Give each a database or a resultKeyPrefix of its own.',
      cause,
    },
  )
}

const TURNED_DOWN = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR DB index|ERR AUTH)/
const TLS_CODES = /^(CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_)/

/** Whether retrying can't help: the login, the database, the certificate. */
export function isTurnedDown(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return TURNED_DOWN.test(error.message) || (typeof code === 'string' && TLS_CODES.test(code))
}

/** `TWQ_RESULT_BACKEND_LOGIN`. */
export function loginError(cause: Error): TwqError {
  return new TwqError('TWQ_RESULT_BACKEND_LOGIN', `the result backend turns us down: ${maskPasswords(cause.message)}`, {
    hint: 'Check the user, the password, the database and the certificates of resultBackend',
    cause,
  })
}

/** `TWQ_CLOSED`. */
export function closed(): TwqError {
  return new TwqError('TWQ_CLOSED', 'the connection to the result backend was closed')
}

/**
 * `TWQ_RESULT_BACKEND` for a command that was not accepted in time; `TWQ_RESULT_REFUSED` if the server refused it until the end
 * for a reason that does not pass.
 */
export function unreachable(within: number, last: Error | undefined): TwqError {
  if (isRefusal(last) && !PASSING.test(last.message)) return wrongData(last)
  const why = last === undefined ? '' : `: ${maskPasswords(messageOf(last))}`
  return new TwqError('TWQ_RESULT_BACKEND', `the result backend did not take a command within ${within} ms${why}`, {
    hint: 'Is the Redis of resultBackend there, and does it take writes?',
    cause: last,
  })
}
