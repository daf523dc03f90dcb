import type { Attempt, PassedOn } from './invocation.ts'
import type { Outcome } from './outcome.ts'

/** The limit for what an attempt passes on, in bytes of UTF-8 of names and texts: trace context needs some hundreds. */
export const MOST_PASSED_ON = 16 * 1024

/** The outcome with the texts that plugins left in `passOn`, if any. */
export function withPassOn(outcome: Outcome, passOn: Readonly<Record<string, unknown>>, attempt: Attempt): Outcome {
  return Object.keys(passOn).length === 0 ? outcome : { ...outcome, passOn: passedOn(passOn, attempt) }
}

/** The texts that plugins left in `passOn`, without values that are not texts; empty, and logged, if they are too large. */
export function passedOn(passOn: Readonly<Record<string, unknown>>, attempt: Attempt): PassedOn {
  const entries = Object.entries(passOn)
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const size = texts.reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
  if (texts.length < entries.length || size > MOST_PASSED_ON) {
    const fields = {
      event: 'plugin.not-passed-on' as const,
      task: attempt.task.name,
      names: Object.keys(passOn).slice(0, 20),
    }
    attempt.logger.warn(
      { ...fields, task_id: attempt.invocation.message.id, bytes: size },
      'a plugin passes on what is no text, or more than 16 KiB: left out',
    )
  }
  return size > MOST_PASSED_ON ? {} : Object.fromEntries(texts)
}
