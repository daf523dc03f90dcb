import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { entryOf, readEntry } from '../../../src/schedules/entries/entry.ts'
import type { Schedule } from '../../../src/schedules/entries/schedule.ts'
import { entryProblems, scheduleProblems } from '../../../src/schedules/entries/schedule-problems.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'

const report = defineTask({
  name: 'reports.nightly',
  schema: z.object({ day: z.string() }),
  queue: 'reports',
  priority: 3,
  expires: '1h',
  kwargsRepr: '{hidden}',
  run: () => {},
})

describe('a schedule', () => {
  it('is read with its task, its times and how it is sent', () => {
    const entry = entryOf('nightly', {
      task: report,
      args: { day: 'today' },
      cron: '0 3 * * *',
      tz: 'Europe/Berlin',
      jitter: '2s',
      startAt: new Date(Date.UTC(2030, 0, 1)),
    })
    expect(entry).toMatchObject({
      task: 'reports.nightly',
      args: { day: 'today' },
      timing: { kind: 'cron', pattern: '0 3 * * *', tz: 'Europe/Berlin', startAt: Date.UTC(2030, 0, 1) },
      jitter: 2_000,
      catchUp: 'last',
      enabled: true,
      // Its leader may not have the task.
      options: { queue: 'reports', priority: 3, expires: '1h', kwargsRepr: '{hidden}' },
    })
  })

  it('says itself what its task would say otherwise', () => {
    const entry = entryOf('nightly', { task: report, every: '1m', queue: 'other', expires: 5_000, kwargsRepr: '{}' })
    expect(entry.options).toEqual({ queue: 'other', priority: 3, expires: 5_000, kwargsRepr: '{}' })
    expect(entryOf('nightly', { task: report, every: '1m', exchange: 'own' }).options).not.toHaveProperty('queue')
  })

  it('is the same after a way over the wire', () => {
    const entry = entryOf('once', {
      task: 'a',
      args: [1, new Date(5), 2n ** 70n],
      at: '2030-01-31T08:00:00+01:00',
      headers: { k: 'v' },
    })
    expect(readEntry(JSON.parse(JSON.stringify({ task: 'a', args: [], every: 1_000 }))).timing).toEqual({
      kind: 'every',
      ms: 1_000,
      startAt: undefined,
      endAt: undefined,
    })
    expect(entry.timing).toEqual({ kind: 'at', time: Date.UTC(2030, 0, 31, 7) })
    expect(entry.args).toEqual([1, new Date(5), 2n ** 70n])
  })

  it('has a digest that tells definitions apart', () => {
    const digests = [
      entryOf('a', { task: 'x', every: 1_000 }),
      entryOf('a', { task: 'x', every: '1s' }),
      entryOf('a', { task: 'x', every: '2s' }),
      entryOf('a', { task: 'x', args: [1], every: '2s' }),
    ].map(({ digest }) => digest)
    expect(new Set(digests).size).toBe(4)
    expect(entryOf('b', { task: 'x', every: 1_000 }).digest).toBe(digests[0])
  })

  it.each<[string, unknown, RegExp]>([
    ['no task', { every: '1s' }, /\.task must be a task or its name/],
    ['no time', { task: 'a' }, /must say when with one of cron, every and at, got none/],
    ['two times', { task: 'a', every: '1s', cron: '* * * * *' }, /got cron and every/],
    ['a pattern of four fields', { task: 'a', cron: '* * * *' }, /\.cron can't be read: .*'\* \* \* \*'/],
    ['a pattern of seven fields', { task: 'a', cron: '0 * * * * * 2030' }, /\.cron can't be read/],
    ['a minute 60', { task: 'a', cron: '60 * * * *' }, /\.cron can't be read: Invalid value for minute: 60/],
    ['a long pattern', { task: 'a', cron: '1,'.repeat(200) }, /\.cron must be a pattern like/],
    ['an unknown zone', { task: 'a', cron: '* * * * *', tz: 'Mars/Base' }, /\.tz must be the IANA name .*'Mars\/Base'/],
    ['a zone without cron', { task: 'a', every: '1s', tz: 'UTC' }, /\.tz is for cron only/],
    [
      'less than a second',
      { task: 'a', every: '500ms' },
      /\.every must be .* from a second to a hundred years, got '500ms'/,
    ],
    ['more than a hundred years', { task: 'a', every: '36501d' }, /\.every must be .* a hundred years, got '36501d'/],
    ['a jitter without end', { task: 'a', every: '1s', jitter: `${'9'.repeat(400)}d` }, /\.jitter must be/],
    [
      'a run that is waited for without end',
      { task: 'a', every: '1s', overlap: 'skip', overlapTimeout: '36501d' },
      /\.overlapTimeout must be/,
    ],
    ['a date that has no ISO 8601 text of four digits', { task: 'a', at: new Date(8.64e15) }, /\.at must be a date/],
    ['a fraction of a millisecond', { task: 'a', every: 1_000.5 }, /\.every must be whole milliseconds/],
    [
      'a moment without a zone',
      { task: 'a', at: '2030-01-01T00:00:00' },
      /\.at must be a date or a text .* with a zone/,
    ],
    ['no such day', { task: 'a', at: '2030-13-01T00:00:00Z' }, /\.at must be/],
    [
      'an end before its start',
      { task: 'a', every: '1s', startAt: new Date(2), endAt: new Date(1) },
      /\.endAt lies before startAt/,
    ],
    [
      'a setting misspelt',
      { task: 'a', every: '1s', catchup: 'all' },
      /\.catchup is not a setting; did you mean catchUp\?/,
    ],
    [
      'a word that is none',
      { task: 'a', every: '1s', catchUp: 'some' },
      /\.catchUp must be 'last', 'all' or 'skip', got 'some'/,
    ],
    ['no object', 'a', /must be an object like .*, got string/],
    ['arguments that are a text', { task: 'a', every: '1s', args: 'x' }, /\.args must be an array/],
  ])('with %s is refused with the reason', (_what, entry, reason) => {
    expect(entryProblems(entry).join('\n')).toMatch(reason)
    expect(() => entryOf('x', entry as Schedule)).toThrow(reason)
  })

  it('with a send option that can not be meant is refused', () => {
    expect(() => entryOf('x', { task: 'a', every: '1s', expires: 'soon' })).toThrow(/expires must be/)
    expect(() => readEntry({ task: 'a', every: 1_000, priority: 999 })).toThrow(/priority must be/)
  })
})

describe('schedules', () => {
  it('tell every problem by the name of its entry, made harmless', () => {
    const nul = 'evil\u001b[2J'
    expect(scheduleProblems({ a: { task: 'x', every: '1s' }, b: {}, [nul]: { task: 'x', every: '1s' } })).toEqual([
      expect.stringMatching(/^\['b'\]\.task must be/),
      expect.stringMatching(/^\['b'\] must say when/),
      expect.stringMatching(/^\['evil\\u001b\[2J'\]: a name is a text of 1 to 200 bytes without control characters/),
    ])
    expect(scheduleProblems([])).toEqual([' must be an object of entries by their names, got an array'])
  })

  it('are refused where looking at them throws', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
        ownKeys: () => {
          throw new Error('no')
        },
      },
    )
    expect(scheduleProblems({ a: hostile })).toEqual(["['a'] can't be looked at"])
  })
})

it.each([
  { task: 'a', cron: '0 0 30 2 *' },
  { task: 'a', cron: '0 0 0 31 apr,jun *', tz: 'Europe/Berlin' },
])('refuses %j, which is never due, where it is given, and reads it where it is stored', (schedule) => {
  expect(() => entryOf('never', schedule)).toThrow(
    /schedule 'never'\.cron is never due: no month of '0 0 .*' has such a day/,
  )
  expect(scheduleProblems({ never: schedule })).toHaveLength(1)
  expect(readEntry(schedule).json).toContain(schedule.cron)
})

it.each(['0 0 29 2 *', '0 0 30 2 mon', '0 0 L 2 *', '0 0 31 1,2 *'])('takes %s, which is due in some year', (cron) => {
  expect(scheduleProblems({ some: { task: 'a', cron } })).toEqual([])
})
