import { stringifyJson } from '../protocol/json.ts'
import type { ControlRequest } from '../protocol/remote/pidbox.ts'
import type { JsonObject } from '../runtime/json.ts'
import { boundedFields } from '../runtime/log/log-fields.ts'
import { cutText } from '../runtime/text/cut-text.ts'

/** The log fields of a command: its name, its arguments as far as they are short, and where its sender listens. */
export function auditFields({ method, arguments: args, replyTo }: ControlRequest) {
  const text = stringifyJson(boundedFields(args) as JsonObject, { path: 'arguments' })
  const shown = cutText(text)
  return { method, arguments: shown, reply_to: replyTo?.routingKey }
}
