import { messageOf } from '../errors.ts'
import { portableJson } from '../protocol/json.ts'
import type { JsonObject } from '../runtime/json.ts'
import type { ControlCommand } from './command.ts'
import type { RequestView, WorkerStats, WorkerView } from './worker-view.ts'

/** The worker that a command of one's own is answered by: what it does, and nothing to change it by. */
export interface CommandView {
  readonly node: string
  readonly pid: number
  /** The names of the queues that it consumes. */
  readonly queues: readonly string[]
  /** The names of the tasks that it can run. */
  readonly tasks: readonly string[]
  /** Tasks whose code runs. */
  active(): readonly RequestView[]
  /** Tasks that wait for a slot. */
  reserved(): readonly RequestView[]
  /** Tasks that wait for their time. */
  scheduled(): readonly RequestView[]
  /** The counters of `inspect stats`. */
  stats(): WorkerStats
}

/** A remote-control command of one's own: Celery's `@control_command`. */
export interface OwnCommand {
  /**
   * Answers, on the event loop of the worker; the value is the reply, undefined for none. An exception becomes an error reply. Arguments come
   * from anyone who may publish to the broker: check them.
   */
  run(args: JsonObject, view: CommandView): unknown
  /** `inspect` for one that changes nothing, and is allowed where `control` is `'read'`. Default `control`. */
  readonly kind?: 'inspect' | 'control'
  /** False: its value is kept to itself. Default true. */
  readonly reply?: boolean
  /** One line, for `twq control call`. */
  readonly help?: string
}

/** The command of the mailbox that runs one of one's own. */
export function fromOwn(name: string, { run, kind = 'control', reply = true }: OwnCommand): ControlCommand {
  return {
    name,
    kind,
    async handle(worker, args) {
      const value = await run(args, viewFor(worker))
      if (!reply || value === undefined) return undefined
      try {
        return portableJson(value, { path: 'reply', maxSize: LARGEST_REPLY })
      } catch (error) {
        throw new Error(`the reply of ${name} can't be sent: ${messageOf(error)}`)
      }
    },
  }
}

// Bytes of JSON: callers hold the replies of all workers in memory.
const LARGEST_REPLY = 1024 * 1024

function viewFor(worker: WorkerView): CommandView {
  return {
    node: worker.node,
    pid: worker.pid,
    get queues() {
      return worker.queues.all().map(({ name }) => name)
    },
    get tasks() {
      return worker.tasks().map(({ name }) => name)
    },
    active: () => worker.active(),
    reserved: () => worker.reserved(),
    scheduled: () => worker.scheduled(),
    stats: () => worker.stats(),
  }
}
