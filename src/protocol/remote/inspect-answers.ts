import type { Json, JsonObject } from '../../runtime/json.ts'
import { stringifyJson } from '../json.ts'
import { isObject } from '../task-fields.ts'
import { isWritable, parseTimestamp } from '../timestamps.ts'

// The answers of Python's and our workers to `inspect …` (wire specification 7.3), as types. A field that is missing or has
// another type is undefined; the readers never throw.

/** A task that a worker holds. */
export interface InspectedTask {
  readonly id: string
  /** The displayed name: the shadow if there is one. */
  readonly name: string
  /** The registered name. */
  readonly type: string
  /** A list; if the request asked for safe values, Python's text for it. */
  readonly args: Json
  /** An object, or Python's text for it. */
  readonly kwargs: Json
  /** When its code started. */
  readonly startedAt: Date | undefined
  readonly acknowledged: boolean
  readonly exchange: string | undefined
  /** The routing key it was published with: for a message sent to a queue, the queue's name. */
  readonly routingKey: string | undefined
  readonly priority: number | undefined
  readonly redelivered: boolean
  readonly workerPid: number | undefined
}

/** A task that waits for its ETA. */
export interface ScheduledTask extends InspectedTask {
  readonly eta: Date | undefined
}

/** A task that a worker can run, with the requested attributes as texts: `{ rate_limit: '10/s' }`. */
export interface RunnableTask {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A queue that a worker consumes. Times in seconds, as in kombu. */
export interface ConsumedQueue {
  readonly name: string
  readonly routingKey: string | undefined
  readonly exchange: { readonly name: string; readonly type: string | undefined }
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly queueArguments: JsonObject
  readonly bindingArguments: JsonObject
  readonly consumerArguments: JsonObject
  readonly expires: number | undefined
  readonly messageTtl: number | undefined
  readonly maxLength: number | undefined
  readonly maxLengthBytes: number | undefined
  readonly maxPriority: number | undefined
}

/** Counters and settings of a worker. */
export interface WorkerStatistics {
  readonly pid: number | undefined
  /** Whole seconds since its start; Celery 5.0 and older do not report it. */
  readonly uptime: number | undefined
  readonly clock: number | undefined
  /** How many attempts of each task were started. */
  readonly total: ReadonlyMap<string, number>
  readonly prefetchCount: number | undefined
  readonly pool: {
    /** `celery.concurrency.prefork:TaskPool`, `twq:threads`. */
    readonly implementation: string | undefined
    readonly maxConcurrency: number | undefined
    readonly processes: readonly number[]
  }
  /** The broker by kombu's names in camelCase, without its password. */
  readonly broker: JsonObject
  /** `getrusage`: `utime`, `stime`, `maxrss` and the rest. */
  readonly rusage: Readonly<Record<string, number>>
  readonly autoscaler: { readonly max: number; readonly min: number; readonly current: number } | undefined
}

/** Where a task is whose id was queried. */
export interface FoundTask {
  readonly state: 'active' | 'reserved' | 'ready'
  readonly task: InspectedTask
  /**
   * Why its code is not running, or no longer: it waits for its ETA, its rate limit or a slot, or its outcome waits to be stored
   * and published. Undefined for a running task, and from Python workers.
   */
  readonly waitsFor: 'eta' | 'rate limit' | 'slot' | 'settlement' | undefined
}

/** The text of a failed command's answer; undefined for a successful one. */
export function errorIn(reply: Json): string | undefined {
  if (!isObject(reply) || reply.error === undefined) return undefined
  return typeof reply.error === 'string' ? reply.error : stringifyJson(reply.error, { path: 'error' })
}

/** Parses `active` and `reserved`. */
export function tasksIn(reply: Json | undefined): readonly InspectedTask[] {
  return objectsIn(reply).map(readTask)
}

/** Parses `scheduled`: each task is wrapped, `{"eta": …, "priority": …, "request": {…}}`. */
export function scheduledIn(reply: Json | undefined): readonly ScheduledTask[] {
  return objectsIn(reply).map(({ eta, request }) => ({ ...readTask(fieldsOf(request)), eta: timeOf(eta) }))
}

// Only from the start of a word: otherwise each letter of a long word without a value would be tried. A value may have line breaks:
// otherwise each name before one would be tried against all text up to it.
const ATTRIBUTE = /\b(\w+)=(.*?)(?= \w+=|$)/gs

/** Parses `registered`: `['add [rate_limit=10/s]', 'mul']`. */
export function registeredIn(reply: Json | undefined): readonly RunnableTask[] {
  return textsIn(reply).map((line) => {
    const at = line.indexOf(' [')
    if (at < 0) return { name: line, attributes: {} }
    const attributes: Record<string, string> = Object.create(null)
    for (const [, name = '', value = ''] of line.slice(at + 2, -1).matchAll(ATTRIBUTE)) {
      attributes[name] = value
    }
    return { name: line.slice(0, at), attributes }
  })
}

/** Parses `active_queues`. */
export function queuesIn(reply: Json | undefined): readonly ConsumedQueue[] {
  return objectsIn(reply)
    .filter(({ name }) => typeof name === 'string')
    .map((queue) => {
      const { name: exchange, type } = fieldsOf(queue.exchange)
      return {
        name: queue.name as string,
        routingKey: textOf(queue.routing_key),
        exchange: { name: textOf(exchange) ?? '', type: textOf(type) },
        durable: queue.durable === true,
        exclusive: queue.exclusive === true,
        autoDelete: queue.auto_delete === true,
        queueArguments: fieldsOf(queue.queue_arguments),
        bindingArguments: fieldsOf(queue.binding_arguments),
        consumerArguments: fieldsOf(queue.consumer_arguments),
        expires: numberOf(queue.expires),
        messageTtl: numberOf(queue.message_ttl),
        maxLength: numberOf(queue.max_length),
        maxLengthBytes: numberOf(queue.max_length_bytes),
        maxPriority: numberOf(queue.max_priority),
      }
    })
}

/** Parses `stats`. */
export function statisticsIn(reply: Json | undefined): WorkerStatistics {
  const { pid, uptime, clock, total, prefetch_count: prefetchCount, pool, broker, rusage, autoscaler } = fieldsOf(reply)
  const { implementation, 'max-concurrency': maxConcurrency, processes } = fieldsOf(pool)
  const { max, min, current } = fieldsOf(autoscaler)
  return {
    pid: numberOf(pid),
    uptime: numberOf(uptime),
    // A text in Celery's format.
    clock: numberOf(typeof clock === 'string' && /^\d+$/.test(clock) ? Number(clock) : clock),
    total: new Map(Object.entries(numbersIn(total))),
    prefetchCount: numberOf(prefetchCount),
    pool: {
      implementation: textOf(implementation),
      maxConcurrency: numberOf(maxConcurrency),
      processes: Array.isArray(processes) ? processes.filter((one) => typeof one === 'number') : [],
    },
    broker: inCamelCase(broker),
    rusage: numbersIn(rusage),
    autoscaler:
      typeof max === 'number' && typeof min === 'number' && typeof current === 'number'
        ? { max, min, current }
        : undefined,
  }
}

const WAITS = ['eta', 'rate limit', 'slot', 'settlement'] as const

/** Parses `query_task`: for each id, where the task is. */
export function foundIn(reply: Json | undefined): ReadonlyMap<string, FoundTask> {
  const found = new Map<string, FoundTask>()
  for (const [id, entry] of Object.entries(fieldsOf(reply))) {
    const [state, task] = Array.isArray(entry) ? entry : []
    if (state !== 'active' && state !== 'reserved' && state !== 'ready') continue
    const fields = fieldsOf(task)
    const waitsFor = WAITS.find((reason) => reason === fields.waits_for)
    found.set(id, { state, task: readTask(fields), waitsFor })
  }
  return found
}

/** Parses `revoked`, a list of ids. */
export function textsIn(reply: Json | undefined): readonly string[] {
  return Array.isArray(reply) ? reply.filter((entry) => typeof entry === 'string') : []
}

/** Parses `conf` and other tables: top-level names in camelCase, values unchanged. */
export function inCamelCase(table: Json | undefined): JsonObject {
  const named: Record<string, Json> = Object.create(null)
  for (const [name, value] of Object.entries(fieldsOf(table))) {
    named[name.toLowerCase().replace(/(?<!_)_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  return named
}

/** Parses `ping`, `report` and other answers of the form `{"ok": …}`: the text in it. */
export function okIn(reply: Json | undefined): string | undefined {
  return textOf(fieldsOf(reply).ok)
}

/** Parses `clock`. */
export function clockIn(reply: Json | undefined): number | undefined {
  return numberOf(fieldsOf(reply).clock)
}

function readTask(task: JsonObject): InspectedTask {
  const delivery = fieldsOf(task.delivery_info)
  const name = textOf(task.name) ?? ''
  return {
    id: textOf(task.id) ?? '',
    name,
    type: textOf(task.type) ?? name,
    args: task.args ?? [],
    kwargs: task.kwargs ?? {},
    startedAt: typeof task.time_start === 'number' ? dateOf(task.time_start * 1_000) : undefined,
    acknowledged: task.acknowledged === true,
    exchange: textOf(delivery.exchange),
    routingKey: textOf(delivery.routing_key),
    priority: numberOf(delivery.priority),
    redelivered: delivery.redelivered === true,
    workerPid: numberOf(task.worker_pid),
  }
}

function dateOf(ms: number): Date | undefined {
  return isWritable(ms) ? new Date(ms) : undefined
}

function timeOf(eta: Json | undefined): Date | undefined {
  if (eta instanceof Date) return eta
  const at = typeof eta === 'string' ? parseTimestamp(eta) : undefined
  return at === undefined ? undefined : new Date(at)
}

function objectsIn(reply: Json | undefined): readonly JsonObject[] {
  return Array.isArray(reply) ? reply.filter(isObject) : []
}

function fieldsOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function numbersIn(value: Json | undefined): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = Object.create(null)
  for (const [name, number] of Object.entries(fieldsOf(value))) if (typeof number === 'number') numbers[name] = number
  return numbers
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function numberOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
