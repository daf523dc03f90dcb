import { TwqError } from '../errors.ts'
import { parseJson, stringifyJson } from '../protocol/json.ts'
import { decodeTask } from '../protocol/task/decode-task.ts'
import { isObject } from '../protocol/task-fields.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { FailedMessage } from './failed.ts'

/** What a task was called with. */
export interface TaskArguments {
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
}

// As large as RabbitMQ takes a message.
const LIMITS = { maxBodySize: 128 * 1024 * 1024 }

/** The arguments of a failed task. Throws `TWQ_USAGE` where its message was kept without them, `TWQ_MESSAGE_MALFORMED` where they can't be read. */
export function argumentsOf({ original, part }: FailedMessage): TaskArguments {
  if (original === undefined || part === 'headers') {
    throw new TwqError('TWQ_USAGE', 'its message was kept without its arguments', {
      hint: "The task has keepFailed: 'headers'",
    })
  }
  const decoded = decodeTask(original.message, LIMITS)
  if (decoded.kind === 'task') return decoded.message
  throw new TwqError('TWQ_MESSAGE_MALFORMED', `its arguments can't be read: ${decoded.malformed.reason}`)
}

/** Arguments as JSON to be edited. Line breaks where people read them; values that JSON of JavaScript would round stay as Python wrote them. */
export function argumentsText({ args, kwargs }: TaskArguments): string {
  const member = ([key, value]: [string, Json]): string => `    ${JSON.stringify(key)}: ${stringifyJson(value)}`
  const list = (lines: readonly string[], [open, close]: string): string =>
    lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join(',\n')}\n  ${close}`
  const positional = list(
    args.map((value) => `    ${stringifyJson(value)}`),
    '[]',
  )
  return `{\n  "args": ${positional},\n  "kwargs": ${list(Object.entries(kwargs).map(member), '{}')}\n}`
}

/** Reads such a text. Throws `TWQ_USAGE` for any other. */
export function readArguments(text: string): TaskArguments {
  const value = parseJson(text)
  if (isObject(value)) {
    const { args, kwargs, ...others } = value
    if (Array.isArray(args) && isObject(kwargs) && Object.keys(others).length === 0) return { args, kwargs }
  }
  throw new TwqError('TWQ_USAGE', 'the arguments must be {"args": […], "kwargs": {…}}: nothing was sent')
}
