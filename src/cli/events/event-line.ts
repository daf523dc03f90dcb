import type { CeleryEvent } from '../../protocol/remote/read-event.ts'
import type { Json } from '../../runtime/json.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { printable } from '../../runtime/text/printable.ts'
import { toJson } from '../terminal/output.ts'

/** How a line is to look. */
export interface EventLineStyle {
  /** A short local time, for a terminal, or an ISO date. */
  readonly time: 'short' | 'iso'
  /** The task's name, which most events leave out. */
  readonly task: string | undefined
  readonly mark?: (text: string, tone: EventTone) => string
}

/** The tone of an event's line. */
export type EventTone = 'good' | 'bad' | 'other' | 'plain'

/** Formats an event as one line: time, worker, type, task and details. Control characters are escaped. */
export function eventLine(event: CeleryEvent, { time, task, mark = (text) => text }: EventLineStyle): string {
  const what = mark(shown(event.type.padEnd(16)), toneOf(event.type))
  const which = event.uuid === undefined ? [] : [`${task ?? '?'}[${event.uuid}]`]
  const rest = [...which, ...detailOf(event)].map(shown)
  return [`${timeOf(event.timestamp, time)}  ${shown(event.hostname)}  ${what}`, ...rest].join('  ').trimEnd()
}

/** Truncates a text of an event to a thousand characters. */
function shown(text: string): string {
  return printable(cutText(text))
}

function timeOf(seconds: number, form: 'short' | 'iso'): string {
  const date = new Date(seconds * 1000)
  // A time outside the range of `Date` is shown as it is.
  if (Number.isNaN(date.getTime())) return String(seconds)
  return form === 'iso' ? date.toISOString() : date.toTimeString().slice(0, 8)
}

function toneOf(type: string): EventTone {
  switch (type) {
    case 'task-succeeded':
    case 'worker-online':
      return 'good'
    case 'task-failed':
    case 'worker-offline':
      return 'bad'
    case 'task-retried':
    case 'task-revoked':
    case 'task-rejected':
      return 'other'
    default:
      return 'plain'
  }
}

function detailOf(event: CeleryEvent): readonly string[] {
  switch (event.type) {
    case 'task-sent':
    case 'task-received':
      return [
        `${plain(event.args)} ${plain(event.kwargs)}`,
        ...named('queue', event.queue),
        ...(event.retries ? named('retries', event.retries) : []),
        ...named('eta', event.eta),
        ...named('expires', event.expires),
      ]
    case 'task-started':
      return []
    case 'task-succeeded':
      return [`${plain(event.result)} in ${duration(event.runtime)}`]
    case 'task-failed':
    case 'task-retried':
      return [plain(event.exception)]
    case 'task-revoked':
      return [event.expired === true ? 'expired' : event.terminated === true ? 'terminated' : 'revoked']
    case 'task-rejected':
      return [event.requeue === true ? 'back to the queue' : 'dropped']
    case 'worker-online':
    case 'worker-heartbeat':
    case 'worker-offline':
      return [
        `${plain(event.sw_ident)} ${plain(event.sw_ver)}`,
        ...named('active', event.active),
        ...named('processed', event.processed),
        ...named('load', Array.isArray(event.loadavg) ? event.loadavg.map(plain).join(' ') : undefined),
      ]
    default:
      return unknownFields(event)
  }
}

const COMMON = new Set(['type', 'hostname', 'timestamp', 'clock', 'utcoffset', 'pid', 'local_received', 'uuid'])

function unknownFields(event: CeleryEvent): readonly string[] {
  const own = Object.entries(event).filter(([field]) => !COMMON.has(field))
  return own.length === 0 ? [] : [toJson(Object.fromEntries(own), { compact: true })]
}

function named(name: string, value: Json | undefined): readonly string[] {
  return value === undefined || value === null ? [] : [`${name}=${plain(value)}`]
}

function duration(seconds: Json | undefined): string {
  return typeof seconds === 'number' ? `${Math.round(seconds * 1000)} ms` : '?'
}

function plain(value: Json | undefined): string {
  if (value === undefined || value === null) return '-'
  return typeof value === 'string' ? value : toJson(value, { compact: true })
}
