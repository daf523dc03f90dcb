import type { TaskQueue } from '../../protocol/task-queue.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import type { ControlCommand } from '../command.ts'

/** Counters and circumstances of the worker (wire specification 7.3); Flower shows no worker before it has this. */
export const stats: ControlCommand = {
  name: 'stats',
  kind: 'inspect',
  summary: 'counters and circumstances',
  handle(worker) {
    const { total, uptime, prefetch, pool } = worker.stats()
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
    }
  },
}

/** The names of the tasks it can run, with the attributes that were asked for. */
export const registered: ControlCommand = {
  name: 'registered',
  aliases: ['dump_tasks'],
  kind: 'inspect',
  summary: 'the tasks it can run',
  handle(worker, { taskinfoitems }) {
    const items = Array.isArray(taskinfoitems) && taskinfoitems.length > 0 ? taskinfoitems : DEFAULT_ITEMS
    return worker.tasks().map(({ name, attributes }) => {
      const shown = items.flatMap((item) => {
        const value = typeof item === 'string' && Object.hasOwn(attributes, item) ? attributes[item] : undefined
        return value === undefined || value === null ? [] : [`${String(item)}=${String(value)}`]
      })
      return shown.length === 0 ? name : `${name} [${shown.join(' ')}]`
    })
  },
}

const DEFAULT_ITEMS: readonly Json[] = ['exchange', 'routing_key', 'rate_limit']

/** The queues it consumes, as kombu describes them (wire specification 7.3). */
export const activeQueues: ControlCommand = {
  name: 'active_queues',
  kind: 'inspect',
  summary: 'the queues it consumes',
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
  summary: 'the configuration',
  handle: (worker) => worker.conf,
}

/** A text about versions and settings, for people. */
export const report: ControlCommand = {
  name: 'report',
  kind: 'inspect',
  summary: 'versions and settings, for a bug report',
  handle(worker) {
    const settings = Object.entries(worker.conf).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    return { ok: `\nsoftware -> ${worker.software}\n\n${settings.join('\n')}\n` }
  },
}

/** The logical clock. */
export const clock: ControlCommand = {
  name: 'clock',
  kind: 'inspect',
  summary: 'the logical clock',
  handle: (worker) => ({ clock: worker.clock }),
}

/** The memory in use, as a text. */
export const memsample: ControlCommand = {
  name: 'memsample',
  kind: 'inspect',
  summary: 'the memory in use',
  handle: () => `${Math.round(process.memoryUsage.rss() / 1024 / 1024)}MB`,
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
