import { beginningOf } from '../runtime/text/cut-text.ts'

const LONGEST = 10_000

/** A text of an event for keeping: what is beyond 10,000 characters is cut off. */
export function boundedText(text: string): string {
  return text.length <= LONGEST ? text : `${beginningOf(text, LONGEST)}…`
}
