/** Longer texts are not timestamps: the longest that Python writes has 35 characters. */
const MAX_LENGTH = 64

const DAY_MS = 86_400_000

// The range of Python's datetime.
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** True for times, in milliseconds since the epoch, within the range of Python's `datetime`. */
export function isWritable(ms: number): boolean {
  return ms >= FIRST_MS && ms <= LAST_MS
}

/**
 * A time as Celery writes it: ISO 8601 with `+00:00` and six fraction digits, since older Celery reads any fraction digits as
 * microseconds. `ms` must be {@link isWritable}.
 */
export function formatTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000+00:00`
}

/**
 * Parses an ISO 8601 text to milliseconds since the epoch; undefined if it is not one. Accepts every form that Python's
 * `isoformat` and related methods write, and that dateutil's `isoparse`, used by Celery, accepts with a whole date: with or
 * without `-` and `:`, a date alone, any one character before the time, hours, minutes, seconds or a fraction, 24:00 for the end
 * of a day, `Z` or an offset. A time without an offset is UTC, or the process's local time if requested (protocol 1).
 */
export function parseTimestamp(text: string, naive: 'utc' | 'local' = 'utc'): number | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const year = digits(text, 0, 4)
  const compact = isDigit(text.charCodeAt(4))
  const month = compact ? digits(text, 4, 2) : text[4] === '-' ? digits(text, 5, 2) : undefined
  const day = compact ? digits(text, 6, 2) : text[7] === '-' ? digits(text, 8, 2) : undefined
  if (year === undefined || month === undefined || day === undefined) return undefined
  const end = compact ? 8 : 10
  const time = text.length > end ? parseTime(text, end + 1) : MIDNIGHT
  if (time === undefined) return undefined

  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // A day beyond the end of its month would roll over.
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (time.offset !== undefined || naive === 'utc') return writable(date.getTime() + time.ms - (time.offset ?? 0))
  const local = new Date(0)
  local.setFullYear(year, month - 1, day)
  local.setHours(0, 0, 0, time.ms)
  return writable(local.getTime())
}

/** An offset can move a time out of the valid years. */
function writable(ms: number): number | undefined {
  return isWritable(ms) ? ms : undefined
}

interface Time {
  /** Milliseconds since midnight. */
  readonly ms: number
  /** East of Greenwich, in milliseconds. */
  readonly offset: number | undefined
}

const MIDNIGHT: Time = { ms: 0, offset: undefined }

/** `HH[:MM[:SS[.f…]]][offset]` from `at` to the end, or the same without colons. */
function parseTime(text: string, at: number): Time | undefined {
  const hour = digits(text, at, 2)
  if (hour === undefined) return undefined
  at += 2
  let ms = hour * 3_600_000
  const colon = text[at] === ':' ? 1 : 0
  if (colon === 1 || isDigit(text.charCodeAt(at))) {
    const minute = digits(text, at + colon, 2)
    if (minute === undefined || minute > 59) return undefined
    ms += minute * 60_000
    at += colon + 2
    if (colon === 1 ? text[at] === ':' : isDigit(text.charCodeAt(at))) {
      const second = digits(text, at + colon, 2)
      if (second === undefined || second > 59) return undefined
      ms += second * 1000
      at += colon + 2
      if (text[at] === '.' || text[at] === ',') {
        const start = at + 1
        at = start
        while (isDigit(text.charCodeAt(at))) at++
        if (at === start) return undefined
        ms += Number(`${text.slice(start, at)}00`.slice(0, 3))
      }
    }
  }
  if (ms > DAY_MS) return undefined
  if (at === text.length) return { ms, offset: undefined }
  const offset = parseOffset(text, at)
  return offset === undefined ? undefined : { ms, offset }
}

/** `Z`, `±HH`, `±HHMM`, `±HH:MM` or `±HH:MM:SS` from `at` to the end. */
function parseOffset(text: string, at: number): number | undefined {
  const sign = text[at]
  if (sign === 'Z' || sign === 'z') return at + 1 === text.length ? 0 : undefined
  if (sign !== '+' && sign !== '-') return undefined
  let ms = 0
  let unit = 3_600_000
  at++
  while (at < text.length) {
    if (unit < 1000) return undefined
    const value = digits(text, at, 2)
    if (value === undefined) return undefined
    ms += value * unit
    unit /= 60
    at += 2
    if (text[at] === ':' && at + 1 < text.length) at++
  }
  if (unit === 3_600_000 || ms >= DAY_MS) return undefined
  return sign === '-' ? -ms : ms
}

/** The number formed by exactly `count` digits from `at`. */
function digits(text: string, at: number, count: number): number | undefined {
  let value = 0
  for (let index = at; index < at + count; index++) {
    const code = text.charCodeAt(index)
    if (!isDigit(code)) return undefined
    value = value * 10 + (code - 0x30)
  }
  return value
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
