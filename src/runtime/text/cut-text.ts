import { maskPasswords } from './mask-passwords.ts'

/** How many characters are shown of a text that may come from the wire: in log lines, in error replies, in tables. */
export const LONGEST_SHOWN = 1_000

// A password that starts before the cut is masked by the text after it.
const AHEAD = 2_048

/**
 * `text` as a log line or an error reply shows it: at most `longest` characters, then `…`. Passwords in URLs are masked
 * before the cut, which could otherwise part one from its `@`. Costs no more for a long text than for a short one.
 */
export function cutText(text: string, longest: number = LONGEST_SHOWN): string {
  if (text.length <= longest) return text
  const masked = maskPasswords(text.slice(0, longest + AHEAD))
  if (masked.length <= longest) return `${masked}…`
  return `${startOf(masked, longest)}…`
}

/**
 * At most the first `length` characters of a text, one fewer where they would end between the halves of a surrogate pair: Python
 * decodes half a pair from JSON, and then can neither print nor store the text.
 */
export function startOf(text: string, length: number): string {
  if (text.length <= length) return text
  return text.slice(0, isHighSurrogate(text.charCodeAt(length - 1)) ? length - 1 : length)
}

/** As {@link startOf}, for keeping: a copy, since a slice would keep the whole text in memory. */
export function beginningOf(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(startOf(text, length), 'utf16le').toString('utf16le')
}

/** A text of at most `most` lines: middle lines are replaced by one that gives their number and `more`. */
export function cutLines(text: string, most: number, more = ''): string {
  const lines = text.split('\n')
  if (lines.length <= most) return text
  const head = Math.floor(most / 2)
  const tail = most - head - 1
  return [
    ...lines.slice(0, head),
    `  … ${lines.length - head - tail} lines left out${more}`,
    ...lines.slice(-tail),
  ].join('\n')
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
