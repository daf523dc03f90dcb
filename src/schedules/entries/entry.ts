import { createHash } from 'node:crypto'
import { TwqError } from '../../errors.ts'
import { parseJson, stringifyJson } from '../../protocol/json.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import { displayOf } from '../../tasks/argument-display.ts'
import { callArguments } from '../../tasks/arguments.ts'
import { isTask } from '../../tasks/brand.ts'
import { checkSendOptions } from '../../tasks/send-options.ts'
import type { AnyArguments, SendOptions } from '../../tasks/sending.ts'
import type { AnyTask } from '../../tasks/task.ts'
import type { CatchUp } from '../times/due.ts'
import type { Timing } from '../times/timing.ts'
import { momentOf, type Schedule, SEND_KEYS } from './schedule.ts'
import { entryProblems, givenProblems, nameProblems } from './schedule-problems.ts'

/** A schedule as it is worked with. */
export interface Entry {
  /** The same as JSON: a schedule whose task is a name, durations milliseconds and moments texts. */
  readonly json: string
  /** Tells definitions apart. */
  readonly digest: string
  readonly task: string
  readonly args: AnyArguments
  readonly timing: Timing
  /** Milliseconds. */
  readonly jitter: number
  readonly catchUp: CatchUp
  readonly enabled: boolean
  /** Not sent while its last run has not ended, for at most so many milliseconds. */
  readonly overlapTimeout: number | undefined
  readonly options: SendOptions
}

/** In bytes of JSON. */
const LARGEST_ENTRY = 256 * 1024

/**
 * Reads a schedule; what its task says of queue, priority, expiry and display goes into the entry, since its leader may not have the
 * task. Throws `TWQ_ARGUMENTS`, naming the entry, for what can't be used.
 */
export function entryOf(name: string, schedule: Schedule, task: AnyTask | undefined = taskIn(schedule)): Entry {
  const problems = [...nameProblems(name), ...givenProblems(schedule)]
  if (problems.length > 0) {
    throw new TwqError('TWQ_ARGUMENTS', problems.map((problem) => `schedule '${name}'${problem}`).join('\n'))
  }
  const plain = { ...plainOf(schedule), ...settingsOf(schedule, task) }
  return entryOfJson(stringifyJson(plain, { path: `schedule '${name}'`, maxSize: LARGEST_ENTRY }))
}

/** Reads an entry from the wire. Throws `TWQ_MESSAGE_MALFORMED` or `TWQ_ARGUMENTS` for what is none. */
export function readEntry(json: unknown): Entry {
  const [problem] = entryProblems(json)
  if (problem !== undefined) throw new TwqError('TWQ_MESSAGE_MALFORMED', `an entry that can't be used:${problem}`)
  return entryOfJson(stringifyJson(json, { maxSize: LARGEST_ENTRY }))
}

function taskIn({ task }: Schedule): AnyTask | undefined {
  return isTask(task) ? task : undefined
}

function plainOf(schedule: Schedule): Record<string, unknown> {
  const { task, args, startAt, endAt, at } = schedule
  return {
    ...schedule,
    task: typeof task === 'string' ? task : task.name,
    args: args ?? [],
    at: isoOf(at),
    startAt: isoOf(startAt),
    endAt: isoOf(endAt),
  }
}

function isoOf(moment: Date | string | undefined): string | undefined {
  return moment === undefined ? undefined : new Date(momentOf(moment) as number).toISOString()
}

/** What the settings of the task say, where the schedule does not. */
function settingsOf(schedule: Schedule, task: AnyTask | undefined): Partial<SendOptions> {
  if (task === undefined) return {}
  const { settings } = task
  const { queue, priority, expires, compression, ignoreResult } = { ...settings, ...definedIn(schedule) }
  const shown = displayOf(settings, callArguments(task.name, schedule.args))
  const wantedQueue = schedule.exchange === undefined ? queue : schedule.queue
  return definedIn({
    queue: wantedQueue,
    priority,
    expires,
    compression,
    ignoreResult,
    ...shown,
    ...displayIn(schedule),
  })
}

function displayIn({ argsRepr, kwargsRepr }: Schedule): Partial<SendOptions> {
  return definedIn({ argsRepr, kwargsRepr })
}

function definedIn<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}

function entryOfJson(json: string): Entry {
  const plain = parseJson(json) as JsonObject & Schedule
  const options = Object.fromEntries(
    SEND_KEYS.flatMap((key) => (plain[key] === undefined ? [] : [[key, plain[key]]])),
  ) as SendOptions
  checkSendOptions(options)
  return {
    json,
    digest: createHash('sha1').update(json).digest('base64url').slice(0, 16),
    task: plain.task as string,
    args: plain.args ?? [],
    timing: timingOf(plain),
    jitter: parseDuration(plain.jitter ?? 0) as number,
    catchUp: plain.catchUp ?? 'last',
    enabled: plain.enabled ?? true,
    overlapTimeout: overlapTimeoutOf(plain),
    options,
  }
}

function overlapTimeoutOf({ overlap, overlapTimeout, expires, timeLimit }: Schedule): number | undefined {
  if (overlap !== 'skip') return undefined
  if (overlapTimeout !== undefined) return parseDuration(overlapTimeout)
  if (expires === undefined || timeLimit === undefined) return AN_HOUR
  return (parseDuration(expires) as number) + (parseDuration(timeLimit) as number)
}

const AN_HOUR = 3_600_000

function timingOf({ cron, every, at, tz = 'UTC', domAndDow, startAt, endAt }: Schedule): Timing {
  if (at !== undefined) return { kind: 'at', time: momentOf(at) as number }
  const bounds = { startAt: momentOf(startAt), endAt: momentOf(endAt) }
  if (every !== undefined) return { kind: 'every', ms: parseDuration(every) as number, ...bounds }
  return { kind: 'cron', pattern: cron as string, tz, domAndDow, ...bounds }
}
