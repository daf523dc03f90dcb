import { stringifyJson } from '../protocol/json.ts'
import type { ControlRequest } from '../protocol/pidbox.ts'

// Enough to tell what was meant; the wire carries up to megabytes.
const LONGEST = 1_000

/** What the log keeps of a command: its name, its arguments as far as they are short, and where its sender listens. */
export function auditFields({ method, arguments: args, replyTo }: ControlRequest) {
  const text = stringifyJson(args, { path: 'arguments' })
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return { method, arguments: shown, reply_to: replyTo?.routingKey }
}
