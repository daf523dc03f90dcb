import type { Json, JsonObject } from '../runtime/json.ts'

/** A running task, as remote control reports it. */
export interface ActiveRequest {
  readonly id: string
  /** The name to show: the shadow where there is one. */
  readonly name: string
  /** The registered name. */
  readonly type: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly argsrepr: string
  readonly kwargsrepr: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number | undefined
  readonly acknowledged: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number | undefined
  readonly redelivered: boolean
}

/** What tasks are picked by. */
export interface StampedTask {
  readonly id: string
  /** The values of its stamps, by name. */
  readonly stamps: Readonly<Record<string, readonly string[]>>
}

/** All that a remote-control command may see of the worker it runs in. */
export interface WorkerView {
  readonly node: string
  readonly pid: number
  /** Tasks whose code runs now. */
  active(): readonly ActiveRequest[]
  /** Do not run these tasks, now or when they come. */
  revoke(ids: readonly string[]): void
  /** The same for tasks that carry one of these values under a stamp's name. */
  revokeStamped(stamps: Readonly<Record<string, readonly string[]>>): void
  /** The revoked ids, and when they were: milliseconds since the epoch. */
  revoked(): readonly (readonly [id: string, at: number])[]
  /** Ends the tasks in hand that `matches` picks; returns their ids. */
  terminate(matches: (task: StampedTask) => boolean): string[]
  /** How many a second of a task may start from now on, 0 for no limit; false when nobody registered it. */
  limitRate(task: string, rate: number): boolean
  /** The logical clock's next stamp. */
  tick(): number
}
