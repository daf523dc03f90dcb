import { TwqError } from '../../errors.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { readEntry } from '../../schedules/entries/entry.ts'
import type { ScheduleList } from '../../schedules/schedule-client.ts'
import type { ScheduleView } from '../../schedules/state/command.ts'
import { nextDue, type Timing } from '../../schedules/times/timing.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { countOf } from '../flags/values.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { type Column, fieldTable, note, print, table, terminalStyle, toJson, wantsJson } from '../terminal/output.ts'
import { openClient } from './open-client.ts'

const MOST_TIMES = 1_000

/** `twq schedule list`. Rejects with `TWQ_SCHEDULES_NO_LEADER` where no worker answers. */
export async function scheduleList(flags: GlobalOptions): Promise<number> {
  const list = await read('list', flags)
  if (wantsJson(flags)) {
    print(`${toJson(list)}\n`)
    return EXIT.ok
  }
  print(table(list.entries, COLUMNS, terminalStyle()))
  note(`led by ${list.leader}`, flags)
  return EXIT.ok
}

/** `twq schedule show <name>`. */
export async function scheduleShow(name: string, flags: GlobalOptions): Promise<number> {
  const list = await read('show', flags)
  const entry = named(list, name)
  if (wantsJson(flags)) {
    print(`${toJson({ ...entry, leader: list.leader })}\n`)
    return EXIT.ok
  }
  const { task, definition, source, state, next, lastRun } = entry
  const { args, task: _, ...rest } = definition
  print(
    fieldTable({
      name,
      task,
      args,
      when: whenOf(definition),
      source: source === 'set' ? 'set at run time' : 'configuration',
      state,
      next: next && localTime(next),
      next_there: next && zoneOf(definition) && timeIn(next, zoneOf(definition)),
      sent: lastRun && localTime(lastRun.sentAt),
      id: lastRun?.id,
      leader: list.leader,
      definition: rest,
    }),
  )
  return EXIT.ok
}

/** `twq schedule next <name>`: its next due times, before jitter. */
export async function scheduleNext(name: string, flags: GlobalOptions & { readonly count?: string }): Promise<number> {
  const count = Math.min(flags.count === undefined ? 5 : countOf('--count', flags.count), MOST_TIMES)
  const { definition } = named(await read('next', flags), name)
  const times = timesOf(readEntry(definition).timing, Date.now(), count)
  if (wantsJson(flags)) print(`${toJson(times)}\n`)
  else print(table(times, timeColumns(zoneOf(definition)), terminalStyle()))
  return EXIT.ok
}

async function read(verb: string, flags: GlobalOptions): Promise<ScheduleList> {
  await using client = await openClient(verb, flags)
  return await client.schedules.list()
}

function named({ entries }: ScheduleList, name: string): ScheduleView {
  const entry = entries.find((one) => one.name === name)
  if (entry !== undefined) return entry
  throw new TwqError('TWQ_SCHEDULE', `there is no schedule '${name}'`, {
    hint: 'twq schedule list shows those that there are',
  })
}

function timesOf(timing: Timing, from: number, count: number): readonly string[] {
  const times: string[] = []
  for (let due = nextDue(timing, from); due !== undefined && times.length < count; due = nextDue(timing, due)) {
    times.push(new Date(due).toISOString())
  }
  return times
}

/** When it is due, as it was written. */
function whenOf({ cron, every, at, tz }: JsonObject): string {
  if (cron !== undefined) return `${cron}${tz === undefined ? '' : ` (${tz})`}`
  return every === undefined ? `at ${at}` : `every ${typeof every === 'number' ? `${every} ms` : every}`
}

function zoneOf({ cron, tz = 'UTC' }: JsonObject): string | undefined {
  return cron === undefined ? undefined : String(tz)
}

function localTime(moment: string): string {
  return timeIn(moment, undefined)
}

/** A moment in a time zone, or here: `2030-01-31 09:00:00 GMT+1`. */
function timeIn(moment: string, timeZone: string | undefined): string {
  const two = '2-digit'
  const fields = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const
  return new Intl.DateTimeFormat('sv-SE', { ...fields, timeZone, timeZoneName: 'short' }).format(new Date(moment))
}

const COLUMNS: readonly Column<ScheduleView>[] = [
  { title: 'NAME', cell: ({ name }) => name, elastic: true },
  { title: 'TASK', cell: ({ task }) => task, elastic: true },
  { title: 'WHEN', cell: ({ definition }) => whenOf(definition) },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'NEXT', cell: ({ next }) => (next === undefined ? '-' : localTime(next)) },
  { title: 'SENT', cell: ({ lastRun }) => (lastRun === undefined ? '-' : localTime(lastRun.sentAt)) },
]

function timeColumns(zone: string | undefined): readonly Column<string>[] {
  return [
    { title: 'LOCAL', cell: localTime },
    ...(zone === undefined ? [] : [{ title: zone, cell: (moment: string) => timeIn(moment, zone) }]),
  ]
}
