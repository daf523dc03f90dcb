import { randomUUID } from 'node:crypto'
import { TwqError } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { checkArguments } from '../sending/prepare-task.ts'
import { isTask } from '../tasks/brand.ts'
import type { LeaderAnswer, LeaderRequest } from './ask-leader.ts'
import { entryOf } from './entries/entry.ts'
import type { Schedule } from './entries/schedule.ts'
import type { ScheduleCommand, ScheduleView } from './state/command.ts'

/** The outcome of a command: `applied` by the leader, or waiting in the queue for the next leader. */
export type ScheduleOutcome = 'applied' | 'queued: no leader'

/** The schedules of a namespace, and their leader. */
export interface ScheduleList {
  /** The name of the worker that sends due tasks. */
  readonly leader: string
  /** Its time, ISO 8601. */
  readonly now: string
  readonly entries: readonly ScheduleView[]
}

/**
 * Schedules at run time. Commands are confirmed into a durable queue; each rejects with `TWQ_SCHEDULE` and the reason if the
 * leader refuses it, with `TWQ_SCHEDULES_NO_LEADER` if no worker with schedules has been started yet, and with `TWQ_QUEUE_DOWN`
 * if the node of their queue is down.
 */
export interface ScheduleClient {
  /** Adds an entry, or replaces one that was set at run time. An entry of the configuration can't be set. */
  set(name: string, schedule: Schedule): Promise<ScheduleOutcome>
  /** Removes an entry that was set at run time. */
  remove(name: string): Promise<ScheduleOutcome>
  /** Pauses an entry until it is resumed. */
  pause(name: string): Promise<ScheduleOutcome>
  /** Resumes it; occurrences that were due in the meantime are not sent. */
  resume(name: string): Promise<ScheduleOutcome>
  /** Sends its task now, with a random id. Rejects with `TWQ_SCHEDULE` if the leader can't send it. */
  trigger(name: string): Promise<{ readonly id: string; readonly outcome: ScheduleOutcome }>
  /** All entries. Rejects with `TWQ_SCHEDULES_NO_LEADER` if no leader answers within two seconds. */
  list(): Promise<ScheduleList>
}

type Ask = (request: LeaderRequest) => Promise<LeaderAnswer>

/** The schedules of a namespace, given a function that asks its leader. */
export function scheduleClient(namespace: string, ask: Ask): ScheduleClient {
  const give = async (method: ScheduleCommand['method'], name: string, schedule?: Schedule) => {
    if (typeof name !== 'string')
      throw new TwqError('TWQ_ARGUMENTS', `the name of a schedule must be a string, got ${typeof name}`)
    const id = randomUUID()
    const entry = schedule === undefined ? undefined : entryOf(name, schedule)
    if (isTask(schedule?.task)) await checkArguments(schedule.task, schedule.args)
    const answer = await ask({ namespace, command: { id, method, name }, entry })
    return { id, outcome: outcomeOf(answer), answer: answer.kind === 'answered' ? answer.answer : null }
  }
  return {
    set: async (name, schedule) => (await give('set', name, schedule)).outcome,
    remove: async (name) => (await give('remove', name)).outcome,
    pause: async (name) => (await give('pause', name)).outcome,
    resume: async (name) => (await give('resume', name)).outcome,
    async trigger(name) {
      const { id, outcome } = await give('trigger', name)
      return { id, outcome }
    },
    list: async () => listIn((await give('list', '')).answer),
  }
}

function outcomeOf({ kind }: LeaderAnswer): ScheduleOutcome {
  return kind === 'answered' ? 'applied' : 'queued: no leader'
}

/** Parses the answer of `list`. Throws `TWQ_MESSAGE_MALFORMED`. */
export function listIn(answer: Json): ScheduleList {
  const { leader, entries } = (answer ?? {}) as Partial<ScheduleList>
  if (typeof leader === 'string' && Array.isArray(entries)) return answer as unknown as ScheduleList
  throw new TwqError('TWQ_MESSAGE_MALFORMED', "the list of schedules can't be read")
}
