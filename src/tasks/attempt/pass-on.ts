import type { Attempt } from './invocation.ts'
import type { Outcome } from './outcome.ts'

/** The most that an attempt passes on, in bytes of UTF-8 of names and texts: trace context needs some hundreds. */
export const MOST_PASSED_ON = 16 * 1024

/** The outcome with the texts that plugins left in `passOn`; without them where they are none, no texts, or too large, which is logged. */
export function withPassOn(outcome: Outcome, passOn: Readonly<Record<string, unknown>>, attempt: Attempt): Outcome {
  const entries = Object.entries(passOn)
  if (entries.length === 0) return outcome
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
  if (size > MOST_PASSED_ON || texts.length === 0) return outcome
  return { ...outcome, passOn: Object.fromEntries(texts) }
}
