import type { ResultRecord } from '../../protocol/result-record.ts'
import type { Json } from '../../runtime/json.ts'
import { printable } from '../../runtime/text/printable.ts'
import { toJson } from './output.ts'

const BAR = 20
const LONGEST = 200

/**
 * The progress of a task by its newest record: its state, and for one with `current` and `total`, or `done` and `of`,
 * a bar. Other meta is shown as JSON, truncated, with control characters escaped.
 */
export function progressText(record: ResultRecord | undefined): string {
  if (record === undefined) return 'PENDING'
  const { state } = record
  const meta = 'error' in record ? null : record.result
  if (meta === null || state === 'SUCCESS') return printable(state)
  const share = shareOf(meta)
  if (share !== undefined)
    return printable(`${state} ${barOf(share.part / share.whole)} ${share.part} of ${share.whole}`)
  const text = toJson(meta, { compact: true })
  return printable(`${state} ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}`)
}

/** The two numbers of a progress, where both make sense. */
function shareOf(meta: Json): { readonly part: number; readonly whole: number } | undefined {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return undefined
  const { current, total, done, of } = meta as Readonly<Record<string, unknown>>
  return fraction(current, total) ?? fraction(done, of)
}

function fraction(part: unknown, whole: unknown): { readonly part: number; readonly whole: number } | undefined {
  const [a, b] = [asNumber(part), asNumber(whole)]
  return a !== undefined && b !== undefined && b > 0 && a >= 0 ? { part: a, whole: b } : undefined
}

// Integers beyond what a number holds exactly arrive as bigint.
function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function barOf(share: number): string {
  const full = Math.min(BAR, Math.floor(share * BAR))
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.min(100, Math.floor(share * 100))).padStart(3)}%`
}
