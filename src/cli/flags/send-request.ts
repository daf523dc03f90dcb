import { TwqError } from '../../errors.ts'
import type { SendOptions } from '../../tasks/sending.ts'
import { countOf, milliseconds, moment, momentOrDuration, unusable } from './values.ts'

/** The flags of `twq task send`, as commander keeps them. */
export interface SendFlags {
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly retries?: string
  readonly timeLimit?: string
  readonly softTimeLimit?: string
  readonly countdown?: string
  readonly eta?: string
  readonly expires?: string
  readonly taskId?: string
  readonly priority?: string
  readonly header?: readonly string[]
}

/** How the message is to be sent. Throws `TWQ_USAGE`, naming the flag. */
export function sendOptions(flags: SendFlags): SendOptions {
  const { queue, exchange, routingKey, countdown, eta, expires, taskId, priority, header } = flags
  const { retries, timeLimit, softTimeLimit } = flags
  if (countdown !== undefined && eta !== undefined) {
    throw new TwqError('TWQ_USAGE', '--countdown and --eta both say when to run; give one of them')
  }
  return {
    ...(queue !== undefined && { queue: notEmpty('--queue', queue) }),
    ...(exchange !== undefined && { exchange: notEmpty('--exchange', exchange) }),
    ...(routingKey !== undefined && { routingKey }),
    ...(retries !== undefined && { retries: countOf('--retries', retries) }),
    ...(timeLimit !== undefined && { timeLimit: milliseconds('--time-limit', timeLimit) }),
    ...(softTimeLimit !== undefined && { softTimeLimit: milliseconds('--soft-time-limit', softTimeLimit) }),
    ...(taskId !== undefined && { taskId: notEmpty('--task-id', taskId) }),
    ...(countdown !== undefined && { countdown: milliseconds('--countdown', countdown) }),
    ...(eta !== undefined && { eta: moment('--eta', eta) }),
    ...(expires !== undefined && { expires: momentOrDuration('--expires', expires) }),
    ...(priority !== undefined && { priority: priorityOf(priority) }),
    ...(header !== undefined && { headers: Object.fromEntries(header.map(headerOf)) }),
  }
}

/** A priority as typed. Throws `TWQ_USAGE`. */
export function priorityOf(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text)
  throw unusable('--priority', text, 'a whole number from 0 to 255')
}

function headerOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw unusable('--header', text, 'of the form name=value')
}

function notEmpty(flag: string, text: string): string {
  if (text !== '') return text
  throw unusable(flag, text, 'a name')
}
