import { type CronTimes, readCron } from './cron.ts'

/** When an entry is due: plain data. Moments are milliseconds since the epoch, both bounds included. */
export type Timing =
  | (Bounds & {
      readonly kind: 'cron'
      readonly pattern: string
      readonly tz: string
      readonly domAndDow?: boolean | undefined
    })
  | (Bounds & { readonly kind: 'every'; readonly ms: number })
  | { readonly kind: 'at'; readonly time: number }

interface Bounds {
  readonly startAt?: number | undefined
  readonly endAt?: number | undefined
}

const patterns = new WeakMap<Timing, CronTimes>()

// The last moment that a Date can hold: the id of an occurrence is made of its date.
const LAST_MOMENT = 8.64e15

/** The first due time after `after`; undefined where there is none any more, in the time that there are dates for. */
export function nextDue(timing: Timing, after: number): number | undefined {
  if (timing.kind === 'at') return timing.time > after ? timing.time : undefined
  const { startAt, endAt = Number.POSITIVE_INFINITY } = timing
  const from = startAt === undefined ? after : Math.max(after, startAt - 1)
  const due = timing.kind === 'every' ? onGrid(timing.ms, startAt ?? 0, from) : timesOf(timing).next(from)
  return due === undefined || due > Math.min(endAt, LAST_MOMENT) ? undefined : due
}

/** The last due time after `after` and not after `until`; undefined where there is none. */
export function lastDue(timing: Timing, after: number, until: number): number | undefined {
  const first = nextDue(timing, after)
  if (first === undefined || first > until) return undefined
  const isNotLast = (moment: number): boolean => {
    const next = nextDue(timing, moment)
    return next !== undefined && next <= until
  }
  // Before the last due time there is a next one up to `until`, from it on there is none: found by halves.
  let [before, last] = [first, until]
  if (!isNotLast(first)) return first
  while (last - before > 1) {
    const middle = Math.floor((before + last) / 2)
    if (isNotLast(middle)) before = middle
    else last = middle
  }
  return last
}

/** How many due times lie after `after` and before `until`, counted up to `most`. */
export function countDue(timing: Timing, after: number, until: number, most: number): number {
  let count = 0
  for (let due = nextDue(timing, after); due !== undefined && due < until; due = nextDue(timing, due)) {
    count += 1
    if (count >= most) break
  }
  return count
}

function onGrid(ms: number, start: number, after: number): number {
  return start + (Math.floor((after - start) / ms) + 1) * ms
}

function timesOf(timing: Timing & { readonly kind: 'cron' }): CronTimes {
  let times = patterns.get(timing)
  if (times === undefined) {
    times = readCron(timing)
    patterns.set(timing, times)
  }
  return times
}
