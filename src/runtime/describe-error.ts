import { messageOf } from '../errors.ts'

/** An error as plain data, for a log line or for a program to read. */
export interface DescribedError {
  readonly type: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
  readonly hint?: string
  readonly cause?: DescribedError
}

// An error may be its own cause, by mistake or by malice.
const DEEPEST_CAUSE = 5

/** Takes only what is listed: other properties of foreign errors may hold requests, credentials, whole sockets. */
export function describeError(thrown: unknown, depth = 0): DescribedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: messageOf(thrown) }
  const { code, hint } = thrown as { code?: unknown; hint?: unknown }
  return {
    type: thrown.name,
    message: thrown.message,
    ...(typeof thrown.stack === 'string' && { stack: thrown.stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(typeof hint === 'string' && { hint }),
    ...(thrown.cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(thrown.cause, depth + 1) }),
  }
}
