import { boundedText } from '../../events/bounded-text.ts'
import type { CeleryEvent } from '../../protocol/remote/read-event.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'

/** One event of a task, kept. */
export interface KeptMoment {
  /** The event's type without `task-`. */
  readonly what: string
  /** Seconds since the epoch, by the sender's clock. */
  readonly at: number
  readonly by: string
  readonly note: string | undefined
}

/** The history of a task. */
export interface TaskHistory {
  /** In order of arrival, the last hundred. */
  readonly moments: readonly KeptMoment[]
  readonly omitted: number
  /** When its last event arrived, by the monitor's clock; undefined if it is only known from a query. */
  readonly heard?: number | undefined
  /** Since when its state is unknown, if so. */
  readonly unknownSince: number | undefined
}

// For a task that retries for ever, the latest ones are shown.
const MOST_MOMENTS = 100
// The whole exception is in the state.
const LONGEST_NOTE = 500

/** The history of a task after an event of it; `what` is its type without `task-`. */
export function taskHistoryAfter(before: TaskHistory | undefined, event: CeleryEvent, what: string): TaskHistory {
  const { timestamp: at, hostname: by, exception } = event
  const note = typeof exception === 'string' ? cut(exception) : undefined
  const moments = [...(before?.moments ?? []), { what: boundedText(what), at, by, note }]
  const tooMany = Math.max(0, moments.length - MOST_MOMENTS)
  const omitted = (before?.omitted ?? 0) + tooMany
  return { moments: moments.slice(tooMany), omitted, heard: event.local_received, unknownSince: undefined }
}

function cut(text: string): string {
  return text.length <= LONGEST_NOTE ? text : `${beginningOf(text, LONGEST_NOTE)}…`
}
