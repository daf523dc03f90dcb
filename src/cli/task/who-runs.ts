import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Config } from '../../config/config.ts'
import { registeredIn } from '../../protocol/remote/inspect-answers.ts'
import type { Json } from '../../runtime/json.ts'
import { closest } from '../../runtime/text/closest.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { Broadcast } from '../../sending/broadcast.ts'

/** The tasks of the workers that answer, Python's and ours: whether each ignores its results, by node and name. */
export type RegisteredTasks = ReadonlyMap<string, ReadonlyMap<string, boolean>>

// In milliseconds. Workers answer at once, or are busy: then the remark is left out.
const TIMEOUT = 1_500
const QUIET = 100
// The most names that are read, and that are listed.
const MOST_NAMES = 10_000
const MOST_LISTED = 10
const LONGEST_NAME = 255

/** Asks all workers for their tasks; empty where none answers. Never rejects. */
export async function registeredTasks({ broker: url, heartbeat }: Config): Promise<RegisteredTasks> {
  try {
    const broker = amqpBroker({ url, heartbeat, name: 'twq task send --wait' })
    await using broadcast = await Broadcast.open(broker, systemClock)
    const args = { taskinfoitems: ['ignore_result'] }
    const replies = await broadcast.ask('registered', args, { timeout: TIMEOUT, quiet: QUIET })
    return new Map([...replies].map(([node, reply]) => [node, tasksOf(reply)]))
  } catch {
    return new Map()
  }
}

function tasksOf(reply: Json): ReadonlyMap<string, boolean> {
  const tasks = registeredIn(Array.isArray(reply) ? reply.slice(0, MOST_NAMES) : [])
  return new Map(
    tasks.map(({ name, attributes }) => [name.slice(0, LONGEST_NAME), attributes.ignore_result === 'True']),
  )
}

/** The remark that no worker which answered has the task, with similar names; undefined if one has it, or none answered. */
export function unknownTask(task: string, registered: RegisteredTasks): string | undefined {
  const names = new Set([...registered.values()].flatMap((tasks) => [...tasks.keys()]))
  if (registered.size === 0 || names.has(task)) return undefined
  const meant = closest(task, names)
  if (meant !== undefined) return `no worker that answers has a task ${task}; did you mean ${meant}?`
  const listed = [...names].filter((name) => !name.startsWith('celery.')).sort()
  const rest = listed.length > MOST_LISTED ? `, and ${listed.length - MOST_LISTED} more` : ''
  const theirs = listed.length === 0 ? '' : `; they have ${listed.slice(0, MOST_LISTED).join(', ')}${rest}`
  return `no worker that answers has a task ${task}${theirs}: twq inspect registered`
}

/** The remark that the workers which have the task send no results of it, with their names. */
export function ignoredResults(task: string, registered: RegisteredTasks): string | undefined {
  const nodes = [...registered].filter(([, tasks]) => tasks.get(task) === true).map(([node]) => node)
  if (nodes.length === 0) return undefined
  return `${task} ignores its results (ignore_result) on ${nodes.sort().join(', ')}: perhaps none will come`
}
