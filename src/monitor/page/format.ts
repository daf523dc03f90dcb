const NUMBERS = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** `12,345`; a dash for an unknown number. */
export function count(value: number | undefined): string {
  return value === undefined ? '–' : NUMBERS.format(value)
}

/** `12.3K`, if there is little room. */
export function compact(value: number | undefined): string {
  return value === undefined ? '–' : COMPACT.format(value)
}

/** Events per second: `0`, `0.3`, `48`. */
export function rate(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value === 0) return '0'
  return value < 10 ? value.toFixed(1) : NUMBERS.format(Math.round(value))
}

/** `850 ms`, `12.3 s`, `4 m 05 s`, `3 h 20 m`, `2 d 4 h`; takes seconds. */
export function duration(seconds: number | undefined | null): string {
  if (seconds === undefined || seconds === null) return '–'
  const whole = Math.floor(Math.max(0, seconds))
  if (seconds < 0.001) return '<1 ms'
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (whole < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
  if (whole < 3_600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${two(Math.floor((whole % 3_600) / 60))} m`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`
}

/** The local time of day; with the date if that is not today's. */
export function clockTime(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  const date = new Date(seconds * 1000)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return date.toDateString() === new Date().toDateString() ? time : `${dayOf(date)} ${time}`
}

/** The time with milliseconds, for events in quick succession. */
export function exactTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return `${clockTime(seconds)}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** Seconds since the epoch from a time in ISO 8601; undefined if it is not one. */
export function momentOf(time: string | undefined): number | undefined {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? undefined : at / 1000
}

/** The full timestamp, for programs and tooltips. */
export function isoTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** `3 m ago`. */
export function ago(seconds: number | undefined, now: number): string {
  if (seconds === undefined) return 'never'
  const past = now - seconds
  if (past < 2) return 'just now'
  if (past < 60) return `${Math.floor(past)} s ago`
  if (past < 3_600) return `${Math.floor(past / 60)} m ago`
  if (past < 86_400) return `${Math.floor(past / 3_600)} h ago`
  return `${Math.floor(past / 86_400)} d ago`
}

/** The first part of an id, practically unique among those on a page. */
export function shortId(id: string): string {
  return id.length <= 13 ? id : `${id.slice(0, 8)}…`
}

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
