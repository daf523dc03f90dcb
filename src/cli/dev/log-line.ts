import type { LogEvent } from '../../runtime/log/events.ts'
import { LONGEST_LINE } from '../../runtime/log/log-line.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { printable } from '../../runtime/text/printable.ts'

// Events that the lines about tasks already cover.
const REPORTED: ReadonlySet<string> = new Set<LogEvent>([
  'task.succeeded',
  'task.failed',
  'task.retried',
  'task.timeout',
  'task.rejected',
  'task.ignored',
  'task.replaced',
  'task.revoked',
  'task.lost',
  'task.interrupted',
])

/**
 * Formats a line of the worker's log for a developer; undefined for events that `twq dev` reports itself. A line that is not a log
 * record, such as an error that ended the worker, is returned unchanged.
 */
export function logLine(line: string): string | undefined {
  const record = recordOf(line)
  if (record === undefined) return line
  const { level, time: _time, pid: _pid, node: _node, msg, event, err, ...fields } = record
  if (typeof event === 'string' && isToldOtherwise(event, String(level), fields)) return undefined
  const error = describe(err)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
  return printable(cutText([`${String(level)}:`, plain(msg), ...rest, ...error].join(' '), LONGEST_LINE))
}

/**
 * A line for a message that was set aside, in the form of the lines for tasks: `nope set aside: NotRegistered: …`; undefined for any other line.
 */
export function setAsideLine(line: string): string | undefined {
  const record = recordOf(line)
  if (record?.event !== 'message.quarantined') return undefined
  const { task, reason, detail } = record
  const what = typeof task === 'string' ? task : 'a message'
  const why = [reason, detail].filter((part) => typeof part === 'string' && part !== '').join(': ')
  return printable(cutText(`${what} set aside${why === '' ? '' : `: ${why}`}`, LONGEST_LINE))
}

/** Whether a line is left out: `twq dev` reports the event itself, or the line is below `warn` and no task logged it. */
function isToldOtherwise(event: string, level: string, fields: Readonly<Record<string, unknown>>): boolean {
  if (REPORTED.has(event) || event.startsWith('worker.')) return true
  return !['warn', 'error', 'fatal'].includes(level) && fields.task_id === undefined
}

function recordOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const record = JSON.parse(line) as Record<string, unknown>
    return 'level' in record && 'msg' in record ? record : undefined
  } catch {
    return undefined
  }
}

function describe(error: unknown): string[] {
  if (typeof error !== 'object' || error === null) return []
  const { type, message } = error as { type?: unknown; message?: unknown }
  return [`(${plain(type)}: ${plain(message)})`]
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
}
