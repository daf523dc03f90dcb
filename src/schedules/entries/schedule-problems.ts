import { closest } from '../../runtime/text/closest.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { printable } from '../../runtime/text/printable.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import { cronProblem, isNeverDue, isTimeZone } from '../times/cron.ts'
import { momentOf, SCHEDULE_KEYS, type Schedule } from './schedule.ts'

/** In one configuration, and in one state. */
export const MOST_ENTRIES = 20_000
/** Of a name, in bytes. */
export const LONGEST_NAME = 200
const LONGEST_PATTERN = 200
/** Milliseconds: the shortest `every`. */
const SHORTEST = 1_000
/** A hundred years, in milliseconds: with it, a moment stays one that a date can hold. */
const LONGEST_DURATION = 36_500 * 86_400_000

type Entry = Readonly<Record<string, unknown>>

/** Everything that is wrong with `schedules`, each to follow that name: `['nightly'].cron can't be read: …`. */
export function scheduleProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return [` must be an object of entries by their names, got ${kindOf(value)}`]
  const entries = Object.entries(value)
  if (entries.length > MOST_ENTRIES) return [` has ${entries.length} entries, and may have ${MOST_ENTRIES}`]
  return entries.flatMap(([name, entry]) => {
    const at = `['${printable(cutText(name, LONGEST_NAME))}']`
    try {
      return [...nameProblems(name), ...givenProblems(entry)].map((problem) => `${at}${problem}`)
    } catch {
      return [`${at} can't be looked at`]
    }
  })
}

/** What is wrong with the name of an entry. */
export function nameProblems(name: string): readonly string[] {
  const fits = name !== '' && Buffer.byteLength(name) <= LONGEST_NAME && printable(name) === name
  return fits ? [] : [`: a name is a text of 1 to ${LONGEST_NAME} bytes without control characters`]
}

/** What is wrong with an entry that someone writes. One that is stored already does no harm where it is never due. */
export function givenProblems(entry: unknown): readonly string[] {
  const problems = entryProblems(entry)
  if (problems.length > 0) return problems
  const { cron, tz = 'UTC', domAndDow } = entry as Schedule
  const isNever = cron !== undefined && isNeverDue({ pattern: cron, tz, domAndDow })
  return isNever ? [`.cron is never due: no month of ${show(cron)} has such a day`] : []
}

/** What is wrong with one entry, each to follow its name; its send options are checked where it is sent. */
export function entryProblems(entry: unknown): readonly string[] {
  if (!isRecord(entry))
    return [` must be an object like { task: 'reports.nightly', cron: '0 3 * * *' }, got ${kindOf(entry)}`]
  return [...unknownKeys(entry), ...taskProblems(entry), ...timingProblems(entry), ...settingProblems(entry)]
}

function unknownKeys(entry: Entry): readonly string[] {
  return Object.keys(entry)
    .filter((key) => !SCHEDULE_KEYS.includes(key))
    .map((key) => {
      const near = closest(key, SCHEDULE_KEYS)
      const meant = near === undefined ? `there are ${SCHEDULE_KEYS.join(', ')}` : `did you mean ${near}?`
      return `.${printable(cutText(key, 50))} is not a setting; ${meant}`
    })
}

function taskProblems({ task, args }: Entry): readonly string[] {
  const name = typeof task === 'object' || typeof task === 'function' ? (task as Entry | null)?.name : task
  const named = typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= 255
  const fits = args === undefined || Array.isArray(args) || isRecord(args)
  return [
    ...(named ? [] : [`.task must be a task or its name, of 1 to 255 bytes, got ${kindOf(task)}`]),
    ...(fits ? [] : [`.args must be an array of positional arguments or an object of named ones, got ${kindOf(args)}`]),
  ]
}

function timingProblems(entry: Entry): readonly string[] {
  const { cron, every, at, tz, domAndDow } = entry
  const given = ['cron', 'every', 'at'].filter((key) => entry[key] !== undefined)
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none' : given.join(' and ')
    return [` must say when with one of cron, every and at, got ${got}`]
  }
  if (every !== undefined) {
    const ms = durationOf(every)
    const fits = ms !== undefined && ms >= SHORTEST && Number.isSafeInteger(ms)
    return [
      ...(fits
        ? []
        : [
            `.every must be whole milliseconds or a duration like '30s', from a second to a hundred years, got ${show(every)}`,
          ]),
      ...onlyWithCron({ tz, domAndDow }),
    ]
  }
  if (at !== undefined) return [...momentProblem('at', at), ...onlyWithCron({ tz, domAndDow })]
  if (tz !== undefined && !(typeof tz === 'string' && tz.length <= LONGEST_PATTERN && isTimeZone(tz))) {
    return [`.tz must be the IANA name of a time zone like 'Europe/Berlin', got ${show(tz)}`]
  }
  if (domAndDow !== undefined && typeof domAndDow !== 'boolean') {
    return [`.domAndDow must be true or false, got ${show(domAndDow)}`]
  }
  if (typeof cron !== 'string' || cron.length > LONGEST_PATTERN) {
    return [`.cron must be a pattern like '0 3 * * *' of at most ${LONGEST_PATTERN} characters, got ${show(cron)}`]
  }
  const problem = cronProblem({ pattern: cron, tz: tz ?? 'UTC', domAndDow })
  return problem === undefined ? [] : [`.cron can't be read: ${printable(cutText(problem, 300))}`]
}

function onlyWithCron(settings: Entry): readonly string[] {
  return Object.entries(settings).flatMap(([key, value]) => (value === undefined ? [] : [`.${key} is for cron only`]))
}

function settingProblems(entry: Entry): readonly string[] {
  const { startAt, endAt, jitter, catchUp, enabled, at } = entry
  const catches = catchUp === undefined || catchUp === 'last' || catchUp === 'all' || catchUp === 'skip'
  const [from, to] = [momentOf(startAt), momentOf(endAt)]
  const shift = jitter === undefined ? 0 : durationOf(jitter)
  return [
    ...(at !== undefined && (startAt !== undefined || endAt !== undefined)
      ? [': at needs no startAt and no endAt']
      : []),
    ...(startAt === undefined ? [] : momentProblem('startAt', startAt)),
    ...(endAt === undefined ? [] : momentProblem('endAt', endAt)),
    ...(from !== undefined && to !== undefined && from > to ? ['.endAt lies before startAt'] : []),
    ...(shift === undefined ? [`.jitter must be milliseconds or a duration like '2s', got ${show(jitter)}`] : []),
    ...overlapProblems(entry),
    ...(catches ? [] : [`.catchUp must be 'last', 'all' or 'skip', got ${show(catchUp)}`]),
    ...(enabled === undefined || typeof enabled === 'boolean'
      ? []
      : [`.enabled must be true or false, got ${show(enabled)}`]),
  ]
}

function overlapProblems({ overlap, overlapTimeout }: Entry): readonly string[] {
  const timeout = overlapTimeout === undefined ? 1 : durationOf(overlapTimeout)
  return [
    ...(overlap === undefined || overlap === 'allow' || overlap === 'skip'
      ? []
      : [`.overlap must be 'allow' or 'skip', got ${show(overlap)}`]),
    ...(timeout !== undefined && timeout > 0
      ? []
      : [`.overlapTimeout must be milliseconds or a duration like '10m', got ${show(overlapTimeout)}`]),
    ...(overlapTimeout !== undefined && overlap !== 'skip' ? [".overlapTimeout is for overlap: 'skip' only"] : []),
  ]
}

/** A duration of an entry in milliseconds; undefined for none, and for one that is too long. */
function durationOf(value: unknown): number | undefined {
  const ms = parseDuration(value)
  return ms === undefined || ms > LONGEST_DURATION ? undefined : ms
}

function momentProblem(key: string, value: unknown): readonly string[] {
  if (momentOf(value) !== undefined) return []
  return [`.${key} must be a date or a text like '2030-01-31T08:00:00Z', with a zone, got ${show(value)}`]
}

function isRecord(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? `'${printable(cutText(value, 100))}'`
    : typeof value === 'number'
      ? String(value)
      : kindOf(value)
}
