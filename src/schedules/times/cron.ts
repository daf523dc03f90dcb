import type { Cron } from 'croner'
import { messageOf } from '../../errors.ts'
import { requireOwn } from '../../runtime/own-package.ts'

/** When a pattern of cron is due. */
export interface CronTimes {
  /** The first due time after a moment, both in milliseconds since the epoch; undefined where there is none in the years to come. */
  next(after: number): number | undefined
}

/** A pattern, the IANA name of the zone that it is read in, and whether both the day of the month and the weekday must fit. */
export interface CronSettings {
  readonly pattern: string
  readonly tz: string
  readonly domAndDow?: boolean | undefined
}

/**
 * Reads a pattern of five or six fields (with six, the first is the second of the minute), in which months and weekdays may be
 * names. Where clocks are set forward, a fixed time that falls into the gap is due once after it, and where they are set back,
 * once; what repeats within the hour follows the clock. Throws a plain error for what is no pattern.
 */
export function readCron({ pattern, tz, domAndDow = false }: CronSettings): CronTimes {
  const key = `${domAndDow} ${tz} ${pattern}`
  const known = readers.get(key)
  if (known !== undefined) return known
  // Loaded when the first pattern is read: most commands read none.
  const { Cron: Reader } = requireOwn('croner') as { readonly Cron: typeof Cron }
  // An offset is counted in a tenth of the time that a zone takes.
  const zone = tz === 'UTC' ? { utcOffset: 0 } : { timezone: tz }
  const cron = new Reader(pattern, { ...zone, domAndDow, mode: '5-or-6-parts' })
  const next = (after: number) => cron.nextRun(new Date(after))?.getTime()
  const times: CronTimes = namesDays(pattern) && next(0) === undefined ? NEVER : { next }
  if (readers.size >= MOST_KEPT) readers.clear()
  readers.set(key, times)
  return times
}

/** The 30th of February: looked for once, which takes until the end of all years. */
const NEVER: CronTimes = { next: () => undefined }

/** Reading a pattern takes long, and an entry is read at the start, from each state, and where it is announced. */
const readers = new Map<string, CronTimes>()
const zones = new Map<string, boolean>()
const MOST_KEPT = 20_000

/** Why a pattern can't be read; undefined where it can. */
export function cronProblem(settings: CronSettings): string | undefined {
  try {
    readCron(settings)
    return undefined
  } catch (error) {
    return messageOf(error).replace(/^Cron\w*: /, '')
  }
}

/** Whether no month of a pattern that can be read has such a day. */
export function isNeverDue(settings: CronSettings): boolean {
  return cronProblem(settings) === undefined && readCron(settings) === NEVER
}

/** Whether a pattern names days of certain months, as the 30th of February: others have a day in each year. */
function namesDays(pattern: string): boolean {
  const [month = '*', day = '*'] = pattern.trim().split(/\s+/).slice(-3, -1).reverse()
  return month !== '*' && day !== '*'
}

/** Whether there is a time zone of this IANA name. */
export function isTimeZone(name: string): boolean {
  let known = zones.get(name)
  if (known === undefined) {
    known = hasZone(name)
    if (zones.size >= MOST_KEPT) zones.clear()
    zones.set(name, known)
  }
  return known
}

function hasZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
