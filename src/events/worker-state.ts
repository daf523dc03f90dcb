import type { CeleryEvent } from '../protocol/remote/read-event.ts'
import type { Json } from '../runtime/json.ts'
import { boundedText } from './bounded-text.ts'

/** The state of a worker by its events so far: Celery's `Worker`, in camelCase; times in seconds. */
export interface WorkerState {
  readonly hostname: string
  readonly pid: number | undefined
  /** How long it said it would be silent at most. */
  readonly freq: number
  /** When its last event arrived, by the reader's clock; undefined once it has left. */
  readonly lastHeard: number | undefined
  readonly active: number | undefined
  readonly processed: number | undefined
  readonly loadavg: readonly number[] | undefined
  readonly swIdent: string | undefined
  readonly swVer: string | undefined
  readonly swSys: string | undefined
}

// Celery's, for workers known by their tasks only.
const FREQUENCY = 60
// A worker is alive for this many times what it said it would be silent.
const WINDOW = 2
// Averages of the load are three.
const MOST_NUMBERS = 10

/** The state of a worker after an event of it, or of a task on it, which is a sign of life too. */
export function workerAfter(before: WorkerState | undefined, event: CeleryEvent): WorkerState {
  const isOwn = event.type.startsWith('worker-')
  const own = isOwn ? event : NOTHING
  return {
    hostname: event.hostname,
    pid: number(event.pid) ?? before?.pid,
    freq: positive(own.freq) ?? before?.freq ?? FREQUENCY,
    // Not the largest: after the reader's clock was set back, a worker that dies would count as alive until it has caught up.
    lastHeard: event.type === 'worker-offline' ? undefined : event.local_received,
    active: number(own.active) ?? before?.active,
    processed: number(own.processed) ?? before?.processed,
    loadavg: numbers(own.loadavg) ?? before?.loadavg,
    swIdent: text(own.sw_ident) ?? before?.swIdent,
    swVer: text(own.sw_ver) ?? before?.swVer,
    swSys: text(own.sw_sys) ?? before?.swSys,
  }
}

/** Whether a worker counts as alive `now`, in seconds since the epoch (wire specification 6.4). */
export function isAlive({ lastHeard, freq }: WorkerState, now: number): boolean {
  return lastHeard !== undefined && now < lastHeard + freq * WINDOW
}

const NOTHING: { readonly [field: string]: undefined } = {}

function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function positive(value: Json | undefined): number | undefined {
  const known = number(value)
  return known !== undefined && known > 0 ? known : undefined
}

function numbers(value: Json | undefined): readonly number[] | undefined {
  return Array.isArray(value) && value.length <= MOST_NUMBERS && value.every((item) => typeof item === 'number')
    ? value
    : undefined
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? boundedText(value) : undefined
}
