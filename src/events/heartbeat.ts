import { loadavg, type as systemName } from 'node:os'
import type { Software, WorkerEvent, WorkerLoad } from '../protocol/remote/event.ts'
import { packageVersion } from '../runtime/own-package.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'

/** The parts that a heartbeat works with. */
export interface HeartbeatParts {
  /** False: says nothing of its own accord. */
  readonly enabled: boolean
  /** Milliseconds from one beat to the next. */
  readonly interval: number
  readonly clock: Clock
  readonly announce: (event: WorkerEvent) => void
  readonly load: () => Omit<WorkerLoad, 'loadavg'>
}

// What Celery tells monitors when one asks for a heartbeat, at every interval; in seconds.
const FREQUENCY_ON_REQUEST = 5

/** Tells monitors that the worker is there, how busy it is, and when it leaves (wire specification 6.2, 6.3). */
export class Heartbeat {
  readonly #parts: HeartbeatParts
  readonly #software: Software = { sw_ident: 'twq', sw_ver: packageVersion(), sw_sys: systemName() }
  #timer: Timer | undefined

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
  }

  /** The worker is connected, for the first time or again: says so, and beats from now on. */
  online(): void {
    if (!this.#parts.enabled) return
    this.#timer?.cancel()
    this.#say('worker-online')
    this.#schedule()
  }

  /** A monitor asks; answers also when heartbeats are off. */
  answer(): void {
    this.#parts.announce({ type: 'worker-heartbeat', freq: FREQUENCY_ON_REQUEST, ...this.#software })
  }

  /** The worker leaves. */
  offline(): void {
    if (!this.#parts.enabled) return
    this.#timer?.cancel()
    this.#say('worker-offline')
  }

  #schedule(): void {
    const { clock, interval } = this.#parts
    this.#timer = clock.after(interval, () => {
      this.#say('worker-heartbeat')
      this.#schedule()
    })
  }

  #say(type: WorkerEvent['type']): void {
    const { announce, interval, load } = this.#parts
    const averages = loadavg().map((average) => Math.round(average * 100) / 100)
    announce({ type, freq: interval / 1000, ...load(), loadavg: averages, ...this.#software })
  }
}
