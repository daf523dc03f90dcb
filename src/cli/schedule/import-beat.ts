import type { Json, JsonObject } from '../../runtime/json.ts'
import { givenProblems, nameProblems } from '../../schedules/entries/schedule-problems.ts'
import { isRecord } from '../../schedules/state/state.ts'

/** A translated `beat_schedule`: entries of `schedules` as JSON, and why others can't be translated. */
export interface ImportedSchedules {
  readonly schedules: Readonly<Record<string, JsonObject>>
  readonly refused: readonly { readonly name: string; readonly reason: string }[]
  /** What is different here, of entries that were taken. */
  readonly remarks: readonly string[]
}

/** Translates what the exporter has printed. */
export function importBeat({ timezone, entries }: JsonObject): ImportedSchedules {
  const schedules: Record<string, JsonObject> = {}
  const refused: { name: string; reason: string }[] = []
  const remarks: string[] = []
  const zone = typeof timezone === 'string' ? timezone : 'UTC'
  for (const [name, entry] of Object.entries(isRecord(entries) ? entries : {})) {
    const { schedule, problems, remarks: own } = translate(isRecord(entry) ? entry : {}, zone)
    const reasons = [...problems, ...nameProblems(name), ...(problems.length > 0 ? [] : givenProblems(schedule))]
    if (reasons.length > 0) refused.push({ name, reason: reasons.map((reason) => reason.trim()).join('; ') })
    else schedules[name] = schedule
    remarks.push(...own.map((remark) => `${name}: ${remark}`))
  }
  return { schedules, refused, remarks }
}

interface Translated {
  readonly schedule: JsonObject
  readonly problems: readonly string[]
  readonly remarks: readonly string[]
}

function translate(entry: JsonObject, zone: string): Translated {
  const { task = null, args = [], kwargs = {}, options = {}, schedule = {} } = entry
  const [positional, named] = [Array.isArray(args) ? args : [], isRecord(kwargs) ? kwargs : {}]
  const both = positional.length > 0 && Object.keys(named).length > 0
  const when = whenOf(isRecord(schedule) ? schedule : {}, zone)
  const how = optionsOf(isRecord(options) ? options : {})
  const given = Object.keys(named).length > 0 ? named : positional
  return {
    schedule: { task, ...(Object.keys(given).length > 0 && { args: given }), ...when.fields, ...how.fields },
    problems: [
      ...(both ? ['it has positional and named arguments: name all of them'] : []),
      ...when.problems,
      ...how.problems,
    ],
    remarks: when.remarks,
  }
}

interface Fields {
  readonly fields: JsonObject
  readonly problems: readonly string[]
}

function whenOf(schedule: JsonObject, zone: string): Fields & { readonly remarks: readonly string[] } {
  const { kind } = schedule
  if (kind === 'interval') {
    const ms = Math.round(Number(schedule.seconds) * 1_000)
    const remark = 'it is due on the grid of the clock, where beat counts from its last run'
    return { fields: { every: ms }, problems: [], remarks: [remark] }
  }
  if (kind === 'crontab') {
    const [minute, hour, day, month, weekday] = ['minute', 'hour', 'day_of_month', 'month_of_year', 'day_of_week'].map(
      (field) => String(schedule[field] ?? '*').replaceAll(' ', ''),
    )
    // Celery has both fit, where cron takes either.
    const both = day !== '*' && weekday !== '*'
    const cron = [minute, hour, day, month, weekday].join(' ')
    return { fields: { cron, tz: zone, ...(both && { domAndDow: true }) }, problems: [], remarks: [] }
  }
  const what =
    kind === 'solar' ? 'solar schedules follow the sun, and there are none here' : `a schedule of type ${String(kind)}`
  return { fields: {}, problems: [`${what}: give it a cron or an every`], remarks: [] }
}

const NAMES: Readonly<Record<string, string>> = {
  queue: 'queue',
  exchange: 'exchange',
  routing_key: 'routingKey',
  priority: 'priority',
  headers: 'headers',
  ignore_result: 'ignoreResult',
  shadow: 'shadow',
  argsrepr: 'argsRepr',
  kwargsrepr: 'kwargsRepr',
}
/** Celery's are seconds. */
const SECONDS: Readonly<Record<string, string>> = {
  expires: 'expires',
  time_limit: 'timeLimit',
  soft_time_limit: 'softTimeLimit',
}

function optionsOf(options: JsonObject): Fields {
  const fields: Record<string, Json> = {}
  const problems: string[] = []
  for (const [name, value] of Object.entries(options)) {
    const [plain, seconds] = [own(NAMES, name), own(SECONDS, name)]
    if (plain !== undefined) fields[plain] = value
    else if (seconds !== undefined && typeof value === 'number') fields[seconds] = Math.round(value * 1_000)
    else problems.push(`the option ${name} has no counterpart`)
  }
  return { fields, problems }
}

function own(names: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined
}
