import { release, type as systemName } from 'node:os'
import { pythonRepr } from '../../protocol/python-repr.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import type { ControlCommand } from '../command.ts'

/** Counters and circumstances of the worker (wire specification 7.3); Flower shows no worker before it has this. */
export const stats: ControlCommand = {
  name: 'stats',
  kind: 'inspect',
  handle(worker) {
    const { total, uptime, prefetch, pool } = worker.stats()
    const scaling = worker.autoscaler?.info()
    return {
      total,
      pid: worker.pid,
      // A text, as Celery has it.
      clock: String(worker.clock),
      uptime,
      pool: {
        implementation: `twq:${pool.kind}`,
        'max-concurrency': pool.concurrency,
        processes: [...pool.processes],
        'max-tasks-per-child': 'N/A',
        'put-guarded-by-semaphore': false,
        timeouts: [0, 0],
      },
      broker: worker.broker,
      prefetch_count: prefetch,
      rusage: resourceUsage(),
      ...(scaling && { autoscaler: { ...scaling } }),
    }
  },
}

/** The names of the tasks it can run, with the attributes that were asked for. */
export const registered: ControlCommand = {
  name: 'registered',
  aliases: ['dump_tasks'],
  kind: 'inspect',
  handle(worker, { taskinfoitems }) {
    const items =
      Array.isArray(taskinfoitems) && taskinfoitems.length > 0 ? taskinfoitems.slice(0, MOST_ITEMS) : DEFAULT_ITEMS
    return worker.tasks().map(({ name, attributes }) => {
      const shown = items.flatMap((item) => {
        const value = typeof item === 'string' && Object.hasOwn(attributes, item) ? attributes[item] : undefined
        return value === undefined || value === null ? [] : [`${String(item)}=${pythonText(value)}`]
      })
      return shown.length === 0 ? name : `${name} [${shown.join(' ')}]`
    })
  },
}

/** As Python's `str` writes it. */
function pythonText(value: Json): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value)
}

// A task has a dozen attributes.
const MOST_ITEMS = 100
const DEFAULT_ITEMS: readonly Json[] = ['exchange', 'routing_key', 'rate_limit']

/** The queues it consumes, as kombu describes them (wire specification 7.3). */
export const activeQueues: ControlCommand = {
  name: 'active_queues',
  kind: 'inspect',
  only: [],
  handle: (worker) => worker.queues.all().map(queueInfo),
}

function queueInfo(queue: TaskQueue): Json {
  const { name, exchange, routingKey, durable, autoDelete, bindingArguments, consumerPriority } = queue
  const { arguments: args } = queue
  return {
    name,
    exchange: {
      name: exchange.name,
      type: exchange.type,
      arguments: null,
      durable: exchange.durable,
      passive: false,
      auto_delete: exchange.autoDelete,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: routingKey,
    queue_arguments: orNull(args),
    binding_arguments: orNull(bindingArguments),
    consumer_arguments: consumerPriority === undefined ? null : { 'x-priority': consumerPriority },
    durable,
    exclusive: false,
    auto_delete: autoDelete,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: seconds(args['x-expires']),
    message_ttl: seconds(args['x-message-ttl']),
    max_length: args['x-max-length'] ?? null,
    max_length_bytes: args['x-max-length-bytes'] ?? null,
    max_priority: args['x-max-priority'] ?? null,
  }
}

/** kombu counts these in seconds, and the broker in milliseconds. */
function seconds(ms: Json | undefined): Json {
  return typeof ms === 'number' ? ms / 1000 : null
}

function orNull(table: JsonObject): JsonObject | null {
  return Object.keys(table).length === 0 ? null : table
}

/** The configuration by Celery's names. */
export const conf: ControlCommand = {
  name: 'conf',
  aliases: ['dump_conf'],
  kind: 'inspect',
  handle: (worker, { with_defaults: all }) => (all === true ? { ...worker.confDefaults, ...worker.conf } : worker.conf),
}

/** A text about versions and settings, for people; laid out as Celery's. */
export const report: ControlCommand = {
  name: 'report',
  kind: 'inspect',
  only: [],
  handle({ conf, software }) {
    const settings = Object.entries(conf).map(([name, value]) => `${name}: ${pythonRepr(value)}`)
    const lines = [
      `software -> ${software}`,
      `platform -> system:${systemName()} arch:${process.arch}`,
      `            kernel version:${release()} imp:Node.js`,
      `settings -> transport:amqp results:${conf.result_backend}`,
      '',
      ...settings,
    ]
    return { ok: `\n${lines.join('\n')}\n` }
  },
}

/** The logical clock. */
export const clock: ControlCommand = {
  name: 'clock',
  kind: 'inspect',
  handle: (worker) => ({ clock: worker.clock }),
}

/** The memory in use, as a text. */
export const memsample: ControlCommand = {
  name: 'memsample',
  kind: 'inspect',
  handle: residentMemory,
}

/** The same in Celery's longer form. */
export const memdump: ControlCommand = {
  name: 'memdump',
  kind: 'inspect',
  handle: () => `- rss: ${residentMemory()}.\n`,
}

/** Draws Python's objects; what Celery answers where it can't. */
export const objgraph: ControlCommand = {
  name: 'objgraph',
  kind: 'inspect',
  only: ['num', 'max_depth', 'type'],
  handle() {
    throw new Error("ImportError('Requires the objgraph library')")
  },
}

function residentMemory(): string {
  return `${Math.round(process.memoryUsage.rss() / 1024 / 1024)}MB`
}

function resourceUsage(): Json {
  const usage = process.resourceUsage()
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  }
}
