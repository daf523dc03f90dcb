import { expect, it } from 'vitest'
import { importBeat } from '../../../src/cli/schedule/import-beat.ts'

const crontab = { kind: 'crontab', minute: '0', hour: '3', day_of_month: '*', month_of_year: '*', day_of_week: '*' }

function imported(entry: Readonly<Record<string, unknown>>) {
  return importBeat({ timezone: 'Europe/Berlin', entries: { x: { task: 't', schedule: crontab, ...entry } } } as never)
}

it('translates a crontab, in the time zone of the application', () => {
  expect(imported({ args: [1], options: { queue: 'reports', expires: 60 } }).schedules).toEqual({
    x: { task: 't', args: [1], cron: '0 3 * * *', tz: 'Europe/Berlin', queue: 'reports', expires: 60_000 },
  })
})

it('has day of the month and weekday both fit, as in Celery', () => {
  const schedule = { ...crontab, day_of_month: '1-7', day_of_week: 'mon' }
  expect(imported({ schedule }).schedules.x).toMatchObject({ cron: '0 3 1-7 * mon', domAndDow: true })
})

it('translates an interval, and says what is different', () => {
  const { schedules, remarks } = imported({ schedule: { kind: 'interval', seconds: 30 }, kwargs: { a: 1 } })
  expect(schedules).toEqual({ x: { task: 't', args: { a: 1 }, every: 30_000 } })
  expect(remarks).toEqual([expect.stringMatching(/^x: it is due on the grid/)])
})

it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ['solar', { schedule: { kind: 'solar' } }, /solar schedules follow the sun/],
  ['of an unknown type', { schedule: { kind: 'my_schedule' } }, /a schedule of type my_schedule/],
  ['with arguments of both kinds', { args: [1], kwargs: { a: 1 } }, /positional and named arguments/],
  ['with an option that there is not', { options: { link: [] } }, /the option link has no counterpart/],
  ['with a crontab that is none here', { schedule: { ...crontab, day_of_week: 'fri-mon' } }, /\.cron can't be read/],
  ['more often than each second', { schedule: { kind: 'interval', seconds: 0.5 } }, /\.every must be/],
])('leaves out what is %s, with the reason', (_what, entry, reason) => {
  const { schedules, refused } = imported(entry)
  expect(schedules).toEqual({})
  expect(refused).toEqual([{ name: 'x', reason: expect.stringMatching(reason) }])
})
