import type { ResultRecord } from 'twq/client'

/** What a page is told about a task. */
export interface Seen {
  readonly state: string
  /** No further states follow. */
  readonly ready: boolean
  /** Its progress, and finally its result. */
  readonly value?: unknown
  readonly error?: { readonly type: string; readonly message: string }
}

const FINAL = ['SUCCESS', 'FAILURE', 'REVOKED']

/** The content of a task's record; `waiting` without one. */
export function seenOf(record: ResultRecord | undefined): Seen {
  if (record === undefined) return { state: 'PENDING', ready: false }
  const { state } = record
  const ready = FINAL.includes(state)
  if (!('error' in record)) return { state, ready, value: record.result }
  const { type, args } = record.error ?? { type: state, args: [] }
  return { state, ready, error: { type, message: args.map(String).join(', ') } }
}
