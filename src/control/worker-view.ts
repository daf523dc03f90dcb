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

/** How remote control steers what monitors hear. */
export interface EventControls {
  /** Switches task events on; false when they were on already. */
  enable(): boolean
  /** Switches task events off again; false when there was nothing to switch off. */
  disable(): boolean
  /** Sends a worker-heartbeat at once. */
  beat(): void
}

/** All that a remote-control command may see of the worker it runs in. */
export interface WorkerView {
  readonly node: string
  readonly pid: number
  readonly events: EventControls
  /** Tasks whose code runs now. */
  active(): readonly ActiveRequest[]
}
