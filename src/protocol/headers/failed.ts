import { beginningOf } from '../../runtime/text/cut-text.ts'
import { failedQueue } from '../companion-queues.ts'
import { asRerun } from '../rerun.ts'
import type { Headers, HeaderValue, Outgoing, WireMessage } from '../wire.ts'
import { placeOfTable, type QuarantineFacts, setAsideCopy, type TablePlace } from './quarantine.ts'
import { changeHeaders } from './raw-headers.ts'
import { readStory, type Story } from './story.ts'

/** How much of a message is kept: all of it, or all except its arguments. */
export type KeptPart = 'whole' | 'headers'

/** An error of one attempt. */
export interface AttemptError {
  /** A Celery-style exception name, and its message. */
  readonly type: string
  readonly detail: string
  readonly traceback: string | null
  /** When it happened, in milliseconds since the epoch, and after how many retries. */
  readonly at: number
  readonly retries: number
}

/**
 * Why a task failed: the record of a quarantined message, in which `type` and `detail` describe the last error, and its attempts.
 */
export interface FailureFacts extends QuarantineFacts {
  /** What ended the last attempt: `failed`, `timed-out`, `lost`, … */
  readonly outcome: string
  readonly traceback: string | null
  /** Identifies this attempt among all attempts with the same id. */
  readonly retries: number
  readonly nesting: number
  readonly rerun: number
  /** When its code began to run, in milliseconds since the epoch. */
  readonly startedAt: number | undefined
  /** The error of the first attempt, if it was a different one. */
  readonly first: AttemptError | undefined
}

/** How a failed message is kept. */
export interface FailedCopyOptions {
  readonly part: KeptPart
  /** Milliseconds after which the broker drops it. */
  readonly expiration?: number | undefined
  readonly place?: TablePlace
}

const PART = 'kept'
/** The error of a task's first attempt, in the message of a retry; kept failures have it in their record. */
export const FIRST_ERROR = 'x-twq-first-error'

/** In characters. Two of them and a header table of 40,000 bytes fit into one frame. */
const LONGEST_TRACEBACK = 8_000
const LONGEST_FIRST_TRACEBACK = 4_000
const LONGEST_DETAIL = 1_000
const LONGEST_NAME = 255

/**
 * The message for the queue of failed messages: as in a quarantine (`restoreQuarantined` undoes it), with a record of its
 * attempts. If it is kept without arguments, the body is empty, and so are the texts that display them.
 */
export function failedMessage(message: WireMessage, facts: FailureFacts, options: FailedCopyOptions): Outgoing {
  const { part, expiration } = options
  const kept = part === 'whole' ? message : withoutArguments(message)
  const { outcome, traceback, retries, nesting, rerun, startedAt, first } = facts
  const story: Story = {
    [PART]: part,
    outcome,
    traceback: traceback === null ? undefined : beginningOf(traceback, LONGEST_TRACEBACK),
    retries,
    nesting,
    rerun,
    started: startedAt === undefined ? undefined : new Date(startedAt).toISOString(),
    'first-error': first === undefined ? undefined : tableOf(first),
  }
  const queue = failedQueue(facts.queue)
  return setAsideCopy(kept, facts, { queue, place: options.place ?? placeOfTable(kept), story, expiration })
}

/**
 * The record in the headers of a kept failure, beside `readQuarantineFacts`; undefined if there is none. Any sender may have
 * written it.
 */
export function readFailureFacts(headers: Headers) {
  const told = readStory(headers)
  const part = told(PART)
  if (part !== 'whole' && part !== 'headers') return undefined
  const text = (name: string, most: number): string | undefined => {
    const value = told(name)
    return typeof value === 'string' ? beginningOf(value, most) : undefined
  }
  return {
    part: part as KeptPart,
    outcome: text('outcome', LONGEST_NAME) ?? 'failed',
    traceback: text('traceback', LONGEST_TRACEBACK) ?? null,
    retries: countOf(told('retries')),
    nesting: countOf(told('nesting')),
    rerun: asRerun(told('rerun')),
    started: text('started', LONGEST_NAME),
    first: readError(told('first-error')),
  }
}

/**
 * The headers with which a message carries the error of its first attempt. They hold the task's id, since they concern this task
 * alone.
 */
export function firstErrorHeaders(id: string, error: AttemptError): Record<string, HeaderValue> {
  return { [FIRST_ERROR]: { id: id.slice(0, LONGEST_NAME), ...tableOf(error) } }
}

/** The error of the first attempt of task `id`, if its message carries it: user code may pass headers on to other tasks. */
export function firstErrorOf(headers: Headers, id: string): AttemptError | undefined {
  const table = headers[FIRST_ERROR]
  return isTable(table) && table.id === id.slice(0, LONGEST_NAME) ? readError(table) : undefined
}

const SHOWN_ARGUMENTS = ['argsrepr', 'kwargsrepr']

function withoutArguments(message: WireMessage): WireMessage {
  const drop = (name: string): boolean => SHOWN_ARGUMENTS.includes(name)
  const { properties } = message
  const body = new Uint8Array()
  try {
    return { properties, ...changeHeaders(message, { drop }), body }
  } catch {
    return { properties, headers: {}, body }
  }
}

function tableOf({ type, detail, traceback, at, retries }: AttemptError): Record<string, string | number> {
  return {
    type: beginningOf(type, LONGEST_NAME),
    detail: beginningOf(detail, LONGEST_DETAIL),
    time: new Date(at).toISOString(),
    retries,
    ...(traceback !== null && { traceback: beginningOf(traceback, LONGEST_FIRST_TRACEBACK) }),
  }
}

function readError(table: HeaderValue | undefined): AttemptError | undefined {
  if (!isTable(table)) return undefined
  const { type, detail, traceback, time, retries } = table
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (typeof type !== 'string' || typeof detail !== 'string' || Number.isNaN(at)) return undefined
  return {
    type: beginningOf(type, LONGEST_NAME),
    detail: beginningOf(detail, LONGEST_DETAIL),
    traceback: typeof traceback === 'string' ? beginningOf(traceback, LONGEST_FIRST_TRACEBACK) : null,
    at,
    retries: countOf(retries),
  }
}

function countOf(value: HeaderValue | undefined): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0
}

function isTable(value: HeaderValue | undefined): value is { readonly [key: string]: HeaderValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
