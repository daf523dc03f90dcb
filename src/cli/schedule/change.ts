import { messageOf, TwqError } from '../../errors.ts'
import { parseJson } from '../../protocol/json.ts'
import type { Schedule } from '../../schedules/entries/schedule.ts'
import type { ScheduleOutcome } from '../../schedules/schedule-client.ts'
import type { AnyArguments } from '../../tasks/sending.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { priorityOf } from '../flags/send-request.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { print, toJson, wantsJson } from '../terminal/output.ts'
import { openClient } from './open-client.ts'

/** The flags of `twq schedule set`. */
export interface ScheduleSetFlags extends GlobalOptions {
  readonly cron?: string
  readonly every?: string
  readonly at?: string
  readonly tz?: string
  readonly domAndDow?: boolean
  readonly startAt?: string
  readonly endAt?: string
  readonly jitter?: string
  readonly catchUp?: string
  readonly overlap?: string
  readonly overlapTimeout?: string
  readonly queue?: string
  readonly priority?: string
  readonly expires?: string
}

/** `twq schedule set`: sets a schedule at run time; prints whether it is applied, or waits for a worker that leads. */
export async function scheduleSet(
  name: string,
  task: string,
  args: string | undefined,
  flags: ScheduleSetFlags,
): Promise<number> {
  const schedule = scheduleOf(task, args, flags)
  await using client = await openClient('set', flags)
  return told({ outcome: await client.schedules.set(name, schedule) }, flags)
}

/** `twq schedule remove`, `pause`, `resume` and `trigger`. */
export async function scheduleChange(
  method: 'remove' | 'pause' | 'resume' | 'trigger',
  name: string,
  flags: GlobalOptions,
): Promise<number> {
  await using client = await openClient(method, flags)
  const { schedules } = client
  return told(method === 'trigger' ? await schedules.trigger(name) : { outcome: await schedules[method](name) }, flags)
}

function told(answer: { readonly outcome: ScheduleOutcome; readonly id?: string }, flags: GlobalOptions): number {
  const { id, outcome } = answer
  if (wantsJson(flags)) print(`${toJson(answer)}\n`)
  else print(id !== undefined && outcome === 'applied' ? `${id}\n` : `${outcome}\n`)
  return EXIT.ok
}

function scheduleOf(task: string, args: string | undefined, flags: ScheduleSetFlags): Schedule {
  const { cron, every, at, tz, domAndDow, startAt, endAt, jitter, catchUp, overlap, queue, priority } = flags
  const durations = { every, jitter, overlapTimeout: flags.overlapTimeout, expires: flags.expires }
  const given = { cron, at, tz, domAndDow, startAt, endAt, catchUp, overlap, queue, ...withUnits(durations) }
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...(fields as Partial<Schedule>),
    ...(priority !== undefined && { priority: priorityOf(priority) }),
    task,
    ...(args !== undefined && { args: argumentsOf(args) }),
  }
}

/** As everywhere on the command line, a bare number is seconds. */
function withUnits(
  durations: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const withUnit = (text: string | undefined) => (text !== undefined && /^\d+(\.\d+)?$/.test(text) ? `${text}s` : text)
  return Object.fromEntries(Object.entries(durations).map(([name, text]) => [name, withUnit(text)]))
}

function argumentsOf(text: string): AnyArguments {
  try {
    return parseJson(text) as AnyArguments
  } catch (error) {
    throw new TwqError('TWQ_USAGE', `the arguments are not JSON: ${messageOf(error).replace(/^not JSON: /, '')}`, {
      hint: "An array holds positional arguments, an object named ones; quote it for the shell: '[1, 2]'",
    })
  }
}
