import { TwqError } from '../../errors.ts'
import { parseRate } from '../../runtime/time/token-bucket.ts'
import { momentOrDuration } from './values.ts'

/** A whole number of messages as typed; undefined without one. Throws `TWQ_USAGE`. */
export function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text) && Number(text) >= 1) return Number(text)
  throw new TwqError('TWQ_USAGE', `--limit must be a positive whole number, got "${text}"`)
}

/** How many a second, as typed. Throws `TWQ_USAGE`. */
export function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const rate = parseRate(text)
  if (rate !== undefined && rate > 0) return rate
  throw new TwqError('TWQ_USAGE', `--rate must be a rate like '50/s', '100/m' or '5/h', got "${text}"`)
}

/** The moment that a flag means, which is a date or a time ago; milliseconds since the epoch. Throws `TWQ_USAGE`. */
export function momentOf(flag: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const value = momentOrDuration(flag, text)
  return typeof value === 'number' ? now - value : value.getTime()
}
