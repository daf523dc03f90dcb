import { messageOf, TwqError } from '../../errors.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { jsonForPeople } from '../../runtime/text/json-for-people.ts'
import type { ScheduleClient, ScheduleOutcome } from '../../schedules/schedule-client.ts'
import type { ScheduleListing, ScheduleRow } from '../answers/actions.ts'
import type { Hide } from '../store/describe-task.ts'

/** The actions on a schedule. */
export const SCHEDULE_ACTS = ['pause', 'resume', 'trigger'] as const

/** One of {@link SCHEDULE_ACTS}. */
export type ScheduleAct = (typeof SCHEDULE_ACTS)[number]

/** The workers' schedules, or why no worker returned them. Rejects if the broker can't be reached. */
export async function listSchedules(client: ScheduleClient, hide: Hide): Promise<ScheduleListing> {
  try {
    const { leader, entries } = await client.list()
    const schedules = entries.map(({ name, task, definition, state, source, next, lastRun }): ScheduleRow => {
      const { args, ...rest } = definition
      const hidden = hide({ id: lastRun?.id ?? '', name: task }).includes('args')
      const lastSent = lastRun?.sentAt
      return {
        ...{ name, task, state, next, lastSent, lastId: lastRun?.id },
        source: source === 'set' ? 'set at run time' : 'configuration',
        when: whenOf(definition),
        definition: jsonForPeople(hidden || args === undefined ? rest : { ...rest, args }, 2),
      }
    })
    return { leader, schedules, unavailable: undefined }
  } catch (error) {
    if (!TwqError.is(error, 'TWQ_SCHEDULES_NO_LEADER')) throw error
    return { leader: undefined, schedules: [], unavailable: messageOf(error) }
  }
}

/** Performs it; resolves with the outcome, and with the id of a sent task. */
export async function changeSchedule(
  client: ScheduleClient,
  act: ScheduleAct,
  name: string,
): Promise<{ readonly outcome: ScheduleOutcome; readonly id?: string }> {
  return act === 'trigger' ? await client.trigger(name) : { outcome: await client[act](name) }
}

function whenOf({ cron, every, at, tz }: JsonObject): string {
  if (cron !== undefined) return `${cron}${tz === undefined ? '' : ` (${tz})`}`
  return every === undefined ? `at ${at}` : `every ${typeof every === 'number' ? `${every} ms` : every}`
}
