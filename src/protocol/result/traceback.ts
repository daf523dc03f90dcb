import { fileURLToPath } from 'node:url'
import { ownCode } from '../../runtime/own-package.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import { isErrorLike, propertyOf, textOf } from './thrown.ts'

const MAX_LENGTH = 64 * 1024
const MAX_CAUSES = 8

/**
 * The text for `result.traceback` in Python: the stack of the thrown value, then those of its causes. Null if there is nothing
 * beyond the message. Never throws.
 */
export function tracebackOf(thrown: unknown): string | null {
  if (!isErrorLike(thrown)) return null
  const stack = stackOf(thrown)
  let cause = propertyOf(thrown, 'cause')
  if (cause === undefined || cause === null) return beginningOf(stack, MAX_LENGTH)
  const stacks = [stack]
  const seen = new Set([thrown])
  while (cause !== undefined && cause !== null && !seen.has(cause) && stacks.length <= MAX_CAUSES) {
    seen.add(cause)
    stacks.push(`Caused by: ${stackOf(cause)}`)
    cause = propertyOf(cause, 'cause')
  }
  return beginningOf(stacks.join('\n'), MAX_LENGTH)
}

function stackOf(thrown: unknown): string {
  // The message of an error from another task already contains its history.
  const remote = propertyOf(thrown, 'traceback')
  const stack = propertyOf(thrown, 'stack')
  const own = typeof stack === 'string' && stack !== ''
  const here = own ? withoutOwnFrames(beginningOf(stack, MAX_LENGTH)) : beginningOf(textOf(thrown), MAX_LENGTH)
  if (typeof remote !== 'string') return here
  return `${beginningOf(remote, MAX_LENGTH).trimEnd()}\n\nRaised again by:\n${here}`
}

const OWN_PLACES = [ownCode.href, fileURLToPath(ownCode)]
// The functions of tasks/attempt/attempt.ts that call the task's code; a bundler may have appended a number.
const ATTEMPT_CALL = /^ {4}at (?:async )?(?:runCode|outcomeOf|runSurrounded)(?:\$\d+)? \(/

// As in `at AsyncLocalStorage.run (node:async_hooks:346:14)` and `at node:internal/process/task_queues:95:5`.
const NODE_PLACE = /^ {4}at (?:node:|.*\(node:)/

const FIRST_FRAME = '\n    at '

/**
 * The frames of the last inspected stack, and how many of their characters are kept: a task that fails repeatedly mostly fails in
 * the same place.
 */
let lastFrames = ''
let lastKept = 0

/**
 * A stack without the calls by which twq reached the task's code: its last frames. A stack with no other frames is returned
 * unchanged.
 */
function withoutOwnFrames(stack: string): string {
  const start = stack.indexOf(FIRST_FRAME)
  if (start < 0) return stack
  const frames = stack.slice(start)
  if (frames !== lastFrames) {
    lastKept = lengthWithoutOwnFrames(frames)
    lastFrames = frames
  }
  return lastKept === frames.length ? stack : stack.slice(0, start + lastKept)
}

function lengthWithoutOwnFrames(frames: string): number {
  const lines = frames.split('\n')
  const attempt = lines.findIndex((line) => ATTEMPT_CALL.test(line) && isOwn(line))
  let end = attempt < 0 ? lines.length : attempt
  let own = attempt >= 0
  while (end > 0 && isFrame(lines[end - 1]) && (isOwn(lines[end - 1]) || isOfNode(lines[end - 1]))) {
    end -= 1
    own ||= isOwn(lines[end])
  }
  return own && isFrame(lines[end - 1]) ? lines.slice(0, end).join('\n').length : frames.length
}

function isFrame(line: string | undefined): boolean {
  return line?.startsWith('    at ') ?? false
}

function isOwn(line: string | undefined): boolean {
  return OWN_PLACES.some((place) => line?.includes(place))
}

function isOfNode(line: string | undefined): boolean {
  return line !== undefined && NODE_PLACE.test(line)
}
