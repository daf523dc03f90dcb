import type { Registry } from 'prom-client'
import type { MetricsText } from './health-server.ts'
import type { WaitFrom } from './queue-wait.ts'

/** How an attempt can end, named as in the log's `task.…` events. */
export type EndState =
  | 'succeeded'
  | 'failed'
  | 'retried'
  | 'timeout'
  | 'rejected'
  | 'ignored'
  | 'revoked'
  | 'lost'
  | 'interrupted'

/** The two connections of a worker. */
export type ConnectionRole = 'consumer' | 'publisher'

/** Counts events for metrics, where metrics are enabled. */
export interface Instruments {
  /** An attempt ended; `runtime` in milliseconds, if its code ran. */
  ended(task: string, state: EndState, runtime?: number): void
  /** A task's code ran after waiting for its start: for how many milliseconds, and since which moment they are counted. */
  waited(task: string, from: WaitFrom, ms: number): void
  /** A message was set aside; its task may not be registered. */
  quarantined(task: string | undefined): void
  /** A copy of a failed message was kept. */
  kept(task: string): void
  /** The broker delivered a message that it had delivered before. */
  redelivered(): void
  /** A lost connection was re-established. */
  reconnected(role: ConnectionRole): void
  /** A scheduled task was sent: its entry, how many milliseconds late, and when, in milliseconds since the epoch. */
  scheduled(schedule: string, lag: number, sentAt: number): void
  /** All metrics in Prometheus's format. */
  read(): Promise<MetricsText>
}

/** Numbers of messages, by queue. */
export type Depths = ReadonlyMap<string, number>

/** Values that are read when metrics are scraped. */
export interface Gauges {
  readonly version: string
  /** The registered names: only these become labels; names from messages do not. */
  readonly tasks: readonly string[]
  /** The names of configured schedules that become labels, likewise. */
  readonly schedules?: readonly string[]
  /** How many tasks run, wait for a slot, and wait for their ETA. */
  active(): number
  reserved(): number
  held(): number
  prefetch(): number
  /** How many tasks may run at once, and how many slots are taken. */
  slots(): number
  busy(): number
  /**
   * Messages that are ready in the consumed queues, in their quarantines and in their queues of failures, by the name of the task
   * queue.
   */
  depths(): Promise<{ readonly queues: Depths; readonly quarantines: Depths; readonly failures: Depths }>
  connected(role: ConnectionRole): boolean
  ready(): boolean
  /** Milliseconds. */
  loopLag(): number
}

const ROLES: readonly ConnectionRole[] = ['consumer', 'publisher']
// Present from the start, so that a rate can be computed from the first event on.
const SHOWN_FROM_THE_START: readonly EndState[] = ['succeeded', 'failed', 'retried']
// Each is a series of its own.
const MOST_SCHEDULES = 1_000
// In seconds: from immediate to half an hour.
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
// In seconds: from immediate to a backlog of a day.
const WAIT_BUCKETS = [0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400]
// Milliseconds between two samples of Node's own meter.
const METER_PRECISION = 100

/** Loads the library and starts counting. */
export async function createInstruments(gauges: Gauges): Promise<Instruments> {
  const library = await import('prom-client')
  const { Counter, Gauge, Histogram } = library
  const registry = new library.Registry()
  const registers = [registry]
  const known = new Set(gauges.tasks)
  const labelOf = (task: string | undefined): string => (task !== undefined && known.has(task) ? task : 'unknown')

  const tasks = new Counter({
    name: 'twq_tasks_total',
    help: 'Attempts that ended, by task and state.',
    labelNames: ['task', 'state'],
    registers,
  })
  for (const task of known) for (const state of SHOWN_FROM_THE_START) tasks.inc({ task, state }, 0)
  const durations = new Histogram({
    name: 'twq_task_duration_seconds',
    help: 'Run time of the code of tasks.',
    labelNames: ['task', 'state'],
    buckets: BUCKETS,
    registers,
  })
  const waits = new Histogram({
    name: 'twq_task_queue_wait_seconds',
    help: 'Time that tasks waited for their start.',
    labelNames: ['task', 'from'],
    buckets: WAIT_BUCKETS,
    registers,
  })
  const quarantined = new Counter({
    name: 'twq_quarantined_total',
    help: 'Messages moved to <queue>.quarantine, by task.',
    labelNames: ['task'],
    registers,
  })
  const kept = new Counter({
    name: 'twq_failures_kept_total',
    help: 'Failed messages kept in <queue>.failed, by task.',
    labelNames: ['task'],
    registers,
  })
  const redelivered = new Counter({
    name: 'twq_redelivered_total',
    help: 'Messages that the broker redelivered.',
    registers,
  })
  const reconnects = new Counter({
    name: 'twq_reconnects_total',
    help: 'Reconnections to the broker.',
    labelNames: ['connection'],
    registers,
  })
  for (const connection of ROLES) reconnects.inc({ connection }, 0)

  const schedules = new Set(gauges.schedules?.slice(0, MOST_SCHEDULES))
  const lags = new Histogram({
    name: 'twq_schedule_lag_seconds',
    help: 'Delay between a scheduled time and the sending of its task, in the worker that leads the schedules.',
    buckets: BUCKETS,
    registers,
  })
  const lastRuns = new Gauge({
    name: 'twq_schedule_last_run_timestamp_seconds',
    help: 'When the task of a schedule was last sent, in the worker that leads the schedules; schedules set at run time share the label other.',
    labelNames: ['schedule'],
    registers,
  })

  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }
  gauge('twq_tasks_active', 'Tasks whose code runs.', gauges.active)
  gauge('twq_tasks_reserved', 'Tasks that wait for a slot.', gauges.reserved)
  gauge('twq_tasks_held', 'Tasks that wait for their ETA.', gauges.held)
  gauge('twq_prefetch', 'Prefetch count: how many unacknowledged messages the worker may have.', gauges.prefetch)
  gauge('twq_slots', 'How many tasks may run at once (concurrency).', gauges.slots)
  gauge('twq_slots_busy', 'Slots in use.', gauges.busy)
  gauge('twq_ready', '1 while the worker consumes, as /readyz says.', () => Number(gauges.ready()))
  gauge('twq_event_loop_lag_seconds', 'Lag of the event loop.', () => gauges.loopLag() / 1000)
  new Gauge({
    name: 'twq_broker_connected',
    help: '1 while the connection is open.',
    labelNames: ['connection'],
    registers,
    collect() {
      for (const connection of ROLES) this.set({ connection }, Number(gauges.connected(connection)))
    },
  })
  depthGauges(library, registers, gauges)
  new Gauge({ name: 'twq_info', help: 'Versions.', labelNames: ['version', 'node_version'], registers }).set(
    { version: gauges.version, node_version: process.versions.node },
    1,
  )
  const all = library.Registry.merge([registry, processMetrics(library)])

  return {
    ended(task, state, runtime) {
      const label = labelOf(task)
      tasks.inc({ task: label, state })
      if (runtime !== undefined) durations.observe({ task: label, state }, runtime / 1000)
    },
    waited: (task, from, ms) => waits.observe({ task: labelOf(task), from }, ms / 1000),
    quarantined: (task) => quarantined.inc({ task: labelOf(task) }),
    kept: (task) => kept.inc({ task: labelOf(task) }),
    redelivered: () => redelivered.inc(),
    reconnected: (connection) => reconnects.inc({ connection }),
    scheduled(schedule, lag, sentAt) {
      lags.observe(Math.max(0, lag) / 1000)
      lastRuns.set({ schedule: schedules.has(schedule) ? schedule : 'other' }, sentAt / 1000)
    },
    read: async () => ({ contentType: all.contentType, text: await all.metrics() }),
  }
}

/** All values are read at once: whichever is collected first requests them. */
function depthGauges({ Gauge }: typeof import('prom-client'), registers: Registry[], { depths }: Gauges): void {
  const gauge = (name: string, help: string, which: 'queues' | 'quarantines' | 'failures'): void => {
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers,
      async collect() {
        const { [which]: known } = await depths()
        // Without queues that are no longer consumed, or deleted.
        this.reset()
        for (const [queue, messages] of known) this.set({ queue }, messages)
      },
    })
  }
  gauge('twq_queue_messages', 'Ready messages in the consumed queues.', 'queues')
  gauge('twq_quarantine_messages', 'Messages in <queue>.quarantine.', 'quarantines')
  gauge('twq_failed_messages', 'Failed messages in <queue>.failed.', 'failures')
}

let ofProcess: Registry | undefined

/** Memory, processor time, event loop, garbage collection: these concern the whole process, and are measured once in it. */
function processMetrics({ Registry, collectDefaultMetrics }: typeof import('prom-client')): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: METER_PRECISION })
  }
  return ofProcess
}
