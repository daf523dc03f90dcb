import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { timeLimit, unlessAborted } from '../../runtime/time/time-limit.ts'
import type { Look } from './evidence.ts'

/** Asks one source within its own time, in milliseconds. Never rejects; `signal` aborts when time is up. */
export async function lookWithin<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>): Promise<Look<T>> {
  using limit = timeLimit({ ms, reason: () => new Error(`no answer within ${ms} ms`) })
  try {
    return { kind: 'seen', value: await unlessAborted(ask(limit.signal), limit.signal) }
  } catch (error) {
    return unseen(error)
  }
}

/** A source that could not be asked. */
export function unseen(error: unknown): Look<never> {
  const code = TwqError.is(error) ? error.code : undefined
  return { kind: 'unseen', code, why: messageOf(error), hint: hintOf(error) }
}
