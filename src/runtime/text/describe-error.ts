import { messageOf } from '../../errors.ts'

/** An error as plain data, for a log line or for a program to read. */
export interface DescribedError {
  readonly type: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
  readonly hint?: string
  readonly cause?: DescribedError
}

// An error may be its own cause, by mistake or on purpose.
const DEEPEST_CAUSE = 5

/**
 * Takes only the listed properties: others may hold requests, credentials or sockets. Never throws, even if getters of the error
 * do.
 */
export function describeError(thrown: unknown, depth = 0): DescribedError {
  if (!isError(thrown)) return { type: typeof thrown, message: messageOf(thrown) }
  const name = property(thrown, 'name')
  const code = property(thrown, 'code')
  const hint = property(thrown, 'hint')
  const stack = property(thrown, 'stack')
  const cause = property(thrown, 'cause')
  return {
    type: typeof name === 'string' ? name : 'Error',
    message: messageOf(thrown),
    ...(typeof stack === 'string' && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(typeof hint === 'string' && { hint }),
    ...(cause !== undefined && depth < DEEPEST_CAUSE && { cause: describeError(cause, depth + 1) }),
  }
}

/** Whether the value is an error; false for a proxy that refuses the question. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error
  } catch {
    return false
  }
}

function property(error: object, name: string): unknown {
  try {
    return (error as Readonly<Record<string, unknown>>)[name]
  } catch {
    return undefined
  }
}
