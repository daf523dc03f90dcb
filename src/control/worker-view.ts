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

/** All that a remote-control command may see of the worker it runs in. */
export interface WorkerView {
  readonly node: string
  readonly pid: number
  /** Tasks whose code runs now. */
  active(): readonly ActiveRequest[]
}
