import { randomUUID } from 'node:crypto'
import type { Connection } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { withChannel } from '../../queues/queue-access.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { askLeader } from '../../schedules/ask-leader.ts'
import { listIn, type ScheduleList } from '../../schedules/schedule-client.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** What the leader says of the schedules, and how many milliseconds its clock is ahead of ours. */
export interface SchedulesFacts {
  readonly list: ScheduleList
  readonly aheadBy: number
}

/** Asks the leader; undefined where none answers, and the error of the broker where the node of the queue of schedules is away. */
export async function lookAtSchedules(
  connection: Connection,
  namespace: string,
): Promise<SchedulesFacts | TwqError | undefined> {
  const asked = Date.now()
  try {
    const command = { id: randomUUID(), method: 'list', name: '' } as const
    const answer = await withChannel(connection, (channel) => askLeader(channel, { namespace, command }, systemClock))
    const list = listIn(answer.kind === 'answered' ? answer.answer : null)
    // It was read at a moment between the question and the answer.
    const there = Date.parse(list.now)
    return { list, aheadBy: there < asked ? there - asked : Math.max(0, there - Date.now()) }
  } catch (error) {
    if (TwqError.is(error, 'TWQ_SCHEDULES_NO_LEADER')) return undefined
    if (TwqError.is(error, 'TWQ_QUEUE_DOWN')) return error
    throw error
  }
}

// Beyond this schedules are noticeably early or late.
const LARGEST_SKEW = 1_000
const MOST_NAMES = 5

/** Whether schedules are sent, by a clock that is right, and to tasks that a worker has. `tasks` are those of all workers, where they are known. */
export function judgeSchedules(
  facts: SchedulesFacts | TwqError | undefined,
  tasks: readonly string[] | undefined,
): readonly Finding[] {
  if (facts === undefined) {
    const fix = 'Start a worker with this configuration, or: twq schedule run'
    return [warning('schedules', 'no worker leads them', 'Nothing of what is due is sent.', fix)]
  }
  if (facts instanceof TwqError) {
    return [error('schedules', `their queue is down: ${facts.message}`, 'Nothing of what is due is sent.', facts.hint)]
  }
  const { list, aheadBy } = facts
  const nowhere = list.entries.filter(({ task }) => tasks !== undefined && !tasks.includes(task))
  const suspended = list.entries.filter(({ state }) => state === 'suspended')
  return [
    ok('schedules', `${list.entries.length}, led by ${list.leader}`),
    ...(Math.abs(aheadBy) <= LARGEST_SKEW
      ? []
      : [
          warning(
            'schedules',
            `the clock of ${list.leader} is ${Math.round(Math.abs(aheadBy) / 1_000)} s ${aheadBy > 0 ? 'ahead of' : 'behind'} this machine's`,
            'What is due is sent early or late by that much, and by another amount once another worker leads.',
            'Synchronise both clocks: timedatectl set-ntp true',
          ),
        ]),
    ...(nowhere.length === 0
      ? []
      : [
          warning(
            'schedules',
            `no worker that runs has the tasks of ${named(nowhere)}`,
            'They are sent, and wait in their queues or are set aside.',
            'Start a worker that has them, or correct the names in `schedules`',
          ),
        ]),
    ...(suspended.length === 0
      ? []
      : [
          warning(
            'schedules',
            `no worker has ${named(suspended)} in its configuration any more`,
            'They are not sent, and forgotten after a day.',
            'Put them back into `schedules`, or leave them to be forgotten',
          ),
        ]),
  ]
}

function named(entries: readonly { readonly name: string; readonly task: string }[]): string {
  const names = entries.slice(0, MOST_NAMES).map(({ name, task }) => `${name} (${task})`)
  return names.join(', ') + (entries.length > MOST_NAMES ? ` and ${entries.length - MOST_NAMES} more` : '')
}
