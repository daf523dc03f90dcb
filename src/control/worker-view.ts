import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import type { Json, JsonObject } from '../runtime/json.ts'

/** A request in the worker's hands, as remote control reports it. */
export interface RequestView {
  readonly id: string
  /** The name to show: the shadow where there is one. */
  readonly name: string
  /** The registered name. */
  readonly type: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly argsRepr: string
  readonly kwargsRepr: string
  /** When it is due; milliseconds since the epoch. */
  readonly eta: number | undefined
  /** The microseconds of its message beyond the milliseconds: 0 to 999. */
  readonly etaMicroseconds: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number | undefined
  readonly acknowledged: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number | undefined
  readonly redelivered: boolean
}

/** A task that the worker can run, with what its definition says. */
export interface TaskView {
  readonly name: string
  /** By Celery's names; what is not set is missing. */
  readonly attributes: Readonly<Record<string, Json>>
}

/** The counters of `stats`. */
export interface WorkerStats {
  /** How many attempts of each task have started. */
  readonly total: Readonly<Record<string, number>>
  /** Whole seconds since the start. */
  readonly uptime: number
  readonly prefetch: number
  readonly pool: { readonly kind: string; readonly concurrency: number; readonly processes: readonly number[] }
}

/** How remote control steers what monitors hear. */
export interface EventControls {
  /** Switches task events on; false when they were on already. */
  enable(): boolean
  /** Switches task events off again; false when there was nothing to switch off. */
  disable(): boolean
  /** Sends a worker-heartbeat at once. */
  beat(): void
}

/** How remote control changes what a worker consumes. */
export interface QueueControls {
  /** The queues that it is to consume, whether or not there is a connection just now. */
  all(): readonly TaskQueue[]
  /** Consumes one more, now and on every later connection. Rejects with what the broker has against it. */
  add(queue: TaskQueue): Promise<void>
  /** Takes nothing more from it; what is in hand is run. False when it was not consumed. */
  remove(name: string): Promise<boolean>
}

/** How remote control steers a pool that grows and shrinks by itself. */
export interface AutoscaleControls {
  info(): { readonly max: number; readonly min: number; readonly current: number; readonly qty: number }
  /** New bounds, each unless undefined; returns those in force. Throws where they can't be. */
  update(max: number | undefined, min: number | undefined): { readonly max: number; readonly min: number }
}

/** The criteria that tasks are revoked by. */
export interface StampedTask {
  readonly id: string
  /** The values of its stamps, by name. */
  readonly stamps: Readonly<Record<string, readonly string[]>>
}

/** All that a remote-control command may see of the worker it runs in. */
export interface WorkerView {
  readonly node: string
  readonly pid: number
  readonly events: EventControls
  /** The logical clock. */
  readonly clock: number
  readonly queues: QueueControls
  /** The broker by kombu's names, without its password. */
  readonly broker: JsonObject
  /** The configuration by Celery's names, without passwords. */
  readonly conf: JsonObject
  /** The other settings in Celery's list, at their defaults. */
  readonly confDefaults: JsonObject
  readonly software: string
  tasks(): readonly TaskView[]
  /** Tasks whose code runs now. */
  active(): readonly RequestView[]
  /** Tasks that wait for a slot. */
  reserved(): readonly RequestView[]
  /** Tasks that wait for their time. */
  scheduled(): readonly RequestView[]
  /** Tasks that wait because of their rate limit. */
  limited(): readonly RequestView[]
  /** Tasks whose code has ended, and whose outcome is not stored or published yet. */
  settling(): readonly RequestView[]
  stats(): WorkerStats
  /** Do not run these tasks, now or when they come; where results are kept, their REVOKED is stored at once. */
  revoke(ids: readonly string[]): void
  /** Adds the revocations that other workers have announced. */
  learnRevoked(ids: readonly string[]): void
  /** The same for tasks that carry one of these values under a stamp's name. */
  revokeStamped(stamps: Readonly<Record<string, readonly string[]>>): void
  /** The revoked ids, and when they were: milliseconds since the epoch. */
  revoked(): readonly (readonly [id: string, at: number])[]
  /** Ends the tasks in hand that `matches` picks; returns their ids. Monitors receive the signal in an event. */
  terminate(matches: (task: StampedTask) => boolean, signum: number): string[]
  /** How many a second of a task may start from now on, 0 for no limit; `text` shows it. False when the task is not registered. */
  limitRate(task: string, rate: number, text: Json): boolean
  /** False: workers that say hello can't revoke tasks here. */
  readonly takesRevocations: boolean
  /** How long a task may run, from the next attempt on, in milliseconds. False when the task is not registered. */
  limitTime(task: string, limits: { readonly soft: number | undefined; readonly hard: number | undefined }): boolean
  /** Runs so many more (or, negative, fewer) tasks at once. Throws where it can't. */
  resizePool(change: number): void
  /** Replaces the members of the pool. Throws where there are none. */
  restartPool(): void
  /** The autoscaler of the pool, if it has one. */
  readonly autoscaler: AutoscaleControls | undefined
  /** Takes tasks from one more queue, soon; what the broker has against it is logged. */
  consume(queue: TaskQueue): void
  /** Takes no more tasks from a queue, soon. */
  leave(queue: string): void
  /** Begins a warm shutdown. */
  shutDown(): void
  /** The logical clock's next stamp. */
  tick(): number
}
