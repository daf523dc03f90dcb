import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nextDue, type Timing } from '../../../src/schedules/times/timing.ts'

interface Row {
  readonly pattern: string
  readonly domAndDow: boolean
  readonly from: number
  readonly to: number
  readonly count: number
  readonly sha256: string
  readonly first: readonly number[]
  readonly last: readonly number[]
}

const rows = JSON.parse(readFileSync(new URL('../../golden/schedules.json', import.meta.url), 'utf8')) as readonly Row[]

/** The due times after `from`, up to `to`, in milliseconds. */
function dueTimes(timing: Timing, from: number, to: number): number[] {
  const due: number[] = []
  for (let next = nextDue(timing, from); next !== undefined && next <= to; next = nextDue(timing, next)) due.push(next)
  return due
}

describe('due times in UTC', () => {
  it.each(rows)('of $pattern are those of croniter', ({ pattern, domAndDow, from, to, ...expected }) => {
    const due = dueTimes({ kind: 'cron', pattern, tz: 'UTC', domAndDow }, from * 1_000, to * 1_000).map(
      (ms) => ms / 1_000,
    )
    const text = due.map((time) => `${time}\n`).join('')
    expect({
      count: due.length,
      sha256: createHash('sha256').update(text).digest('hex'),
      first: due.slice(0, 3),
      last: due.slice(-3),
    }).toEqual(expected)
  })
})

/**
 * Written by hand from the rule: a fixed time that falls into the gap is due once, at its end, and one that the clock shows twice the first
 * time; what repeats within the hour follows the clock, and what would fall into the gap is not due.
 */
const CHANGES: readonly {
  readonly tz: string
  readonly pattern: string
  readonly from: string
  readonly due: readonly string[]
}[] = [
  // Berlin, 28 March 2027: 02:00 +01:00 becomes 03:00 +02:00, at 01:00 UTC.
  {
    tz: 'Europe/Berlin',
    pattern: '30 2 * * *',
    from: '2027-03-27T00:00Z',
    due: ['2027-03-27T01:30Z', '2027-03-28T01:00Z', '2027-03-29T00:30Z'],
  },
  {
    tz: 'Europe/Berlin',
    pattern: '0 3 * * *',
    from: '2027-03-27T00:00Z',
    due: ['2027-03-27T02:00Z', '2027-03-28T01:00Z', '2027-03-29T01:00Z'],
  },
  {
    tz: 'Europe/Berlin',
    pattern: '*/30 * * * *',
    from: '2027-03-28T00:00Z',
    due: ['2027-03-28T00:30Z', '2027-03-28T01:00Z', '2027-03-28T01:30Z'],
  },
  {
    tz: 'Europe/Berlin',
    pattern: '15 * * * *',
    from: '2027-03-28T00:00Z',
    due: ['2027-03-28T00:15Z', '2027-03-28T01:15Z', '2027-03-28T02:15Z'],
  },
  // Berlin, 31 October 2027: 03:00 +02:00 becomes 02:00 +01:00, at 01:00 UTC.
  {
    tz: 'Europe/Berlin',
    pattern: '30 2 * * *',
    from: '2027-10-30T00:00Z',
    due: ['2027-10-30T00:30Z', '2027-10-31T00:30Z', '2027-11-01T01:30Z'],
  },
  {
    tz: 'Europe/Berlin',
    pattern: '30 * * * *',
    from: '2027-10-31T00:00Z',
    due: ['2027-10-31T00:30Z', '2027-10-31T01:30Z', '2027-10-31T02:30Z'],
  },
  // New York, 14 March 2027: 02:00 -05:00 becomes 03:00 -04:00, at 07:00 UTC.
  {
    tz: 'America/New_York',
    pattern: '15 2 * * *',
    from: '2027-03-13T00:00Z',
    due: ['2027-03-13T07:15Z', '2027-03-14T07:00Z', '2027-03-15T06:15Z'],
  },
  {
    tz: 'America/New_York',
    pattern: '0 * * * *',
    from: '2027-03-14T05:30Z',
    due: ['2027-03-14T06:00Z', '2027-03-14T07:00Z', '2027-03-14T08:00Z'],
  },
  // New York, 7 November 2027: 02:00 -04:00 becomes 01:00 -05:00, at 06:00 UTC.
  {
    tz: 'America/New_York',
    pattern: '30 1 * * *',
    from: '2027-11-06T00:00Z',
    due: ['2027-11-06T05:30Z', '2027-11-07T05:30Z', '2027-11-08T06:30Z'],
  },
  {
    tz: 'America/New_York',
    pattern: '0 2 * * *',
    from: '2027-11-06T00:00Z',
    due: ['2027-11-06T06:00Z', '2027-11-07T07:00Z', '2027-11-08T07:00Z'],
  },
  // Lord Howe, 3 October 2027: 02:00 +10:30 becomes 02:30 +11:00, at 15:30 UTC the day before.
  {
    tz: 'Australia/Lord_Howe',
    pattern: '15 2 * * *',
    from: '2027-10-01T12:00Z',
    due: ['2027-10-01T15:45Z', '2027-10-02T15:30Z', '2027-10-03T15:15Z'],
  },
  {
    tz: 'Australia/Lord_Howe',
    pattern: '*/15 * * * *',
    from: '2027-10-02T15:10Z',
    due: ['2027-10-02T15:15Z', '2027-10-02T15:30Z', '2027-10-02T15:45Z'],
  },
  // Lord Howe, 4 April 2027: 02:00 +11:00 becomes 01:30 +10:30, at 15:00 UTC the day before.
  {
    tz: 'Australia/Lord_Howe',
    pattern: '45 1 * * *',
    from: '2027-04-02T12:00Z',
    due: ['2027-04-02T14:45Z', '2027-04-03T14:45Z', '2027-04-04T15:15Z'],
  },
  {
    tz: 'Australia/Lord_Howe',
    pattern: '45 * * * *',
    from: '2027-04-03T14:00Z',
    due: ['2027-04-03T14:45Z', '2027-04-03T15:15Z', '2027-04-03T16:15Z'],
  },
]

describe('due times where clocks change', () => {
  it.each(CHANGES)('are those of the rule: $pattern in $tz from $from', ({ tz, pattern, from, due }) => {
    const found: string[] = []
    let after = Date.parse(from)
    for (const _ of due) {
      after = nextDue({ kind: 'cron', pattern, tz }, after) as number
      found.push(new Date(after).toISOString().replace(':00.000Z', 'Z'))
    }
    expect(found).toEqual(due)
  })
})
