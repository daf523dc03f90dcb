import type { CeleryEvent } from '../../protocol/remote/read-event.ts'
import { isObject } from '../../protocol/task-fields.ts'
import type { Json } from '../../runtime/json.ts'
import { jsonForPeople } from '../../runtime/text/json-for-people.ts'
import type { Replies } from '../remote/inspect-report.ts'

/** Turns the replies to `active` into `task-started` events received at `now`, in seconds since the epoch. */
export function runningTasks(replies: Replies, now: number): readonly CeleryEvent[] {
  return [...replies].flatMap(([hostname, reply]) =>
    objectsIn(reply).flatMap(({ id, name, args, kwargs, time_start: start }) => {
      if (typeof id !== 'string') return []
      const timestamp = typeof start === 'number' && Number.isFinite(start) ? start : now
      const told = { name: textOf(name), args: textOf(args), kwargs: textOf(kwargs) }
      return { type: 'task-started', hostname, uuid: id, timestamp, clock: 0, local_received: now, ...told }
    }),
  )
}

/** The names of the queues in the replies to `active_queues`. */
export function queueNames(replies: Replies): readonly string[] {
  return [...replies.values()].flatMap((reply) =>
    objectsIn(reply).flatMap(({ name }) => (typeof name === 'string' && name !== '' ? name : [])),
  )
}

function objectsIn(reply: Json) {
  return Array.isArray(reply) ? reply.filter(isObject) : []
}

function textOf(value: Json | undefined): string | null {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? null : jsonForPeople(value)
}
