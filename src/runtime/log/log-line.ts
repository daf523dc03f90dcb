import { cutText } from '../text/cut-text.ts'
import { maskPasswords } from '../text/mask-passwords.ts'
import { escapeInJson } from '../text/printable.ts'

/** The bytes of a log line at most, its end included. */
export const LONGEST_LINE = 8_192

/** One character takes three bytes at most in UTF-8, or four as two. */
const SURELY_SHORT = LONGEST_LINE / 3

/**
 * Makes a log line, one JSON document, safe to write anywhere: passwords are masked, terminal control characters become `\u`
 * escapes, and the line is at most 8 kB. A longer line keeps as many of its fields as fit, with shortened texts.
 */
export function safeLine(line: string): string {
  const safe = escapeInJson(maskPasswords(line))
  if (safe.length <= SURELY_SHORT || Buffer.byteLength(safe) <= LONGEST_LINE) return safe
  return `${shortened(safe)}\n`
}

// What a line keeps of each text, and how many members of a list or table.
const STEPS = [
  { longest: 1_000, most: 50 },
  { longest: 250, most: 20 },
  { longest: 60, most: 10 },
]

function shortened(line: string): string {
  const record = JSON.parse(line) as Record<string, unknown>
  for (const step of STEPS) {
    const text = escapeInJson(JSON.stringify(shortenedValue(record, { ...step, most: Number.POSITIVE_INFINITY }, step)))
    if (Buffer.byteLength(text) < LONGEST_LINE) return text
  }
  // For hundreds of fields: the first ones and the message.
  const { msg, ...fields } = record
  const first = Object.entries(fields).slice(0, 20)
  const kept = Object.fromEntries(first.filter(([, value]) => typeof value !== 'object'))
  const step = { longest: 30, most: 30 }
  return escapeInJson(JSON.stringify(shortenedValue({ ...kept, msg }, step, step)))
}

interface Step {
  readonly longest: number
  readonly most: number
}

function shortenedValue(value: unknown, step: Step, below: Step): unknown {
  if (typeof value === 'string') return cutText(value, step.longest)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.slice(0, step.most).map((member) => shortenedValue(member, below, below))
  const entries = Object.entries(value).slice(0, step.most)
  return Object.fromEntries(
    entries.map(([key, member]) => [cutText(key, step.longest), shortenedValue(member, below, below)]),
  )
}
