import { TwqError } from '../../errors.ts'
import type { TaskQuery } from '../store/list-tasks.ts'

const LONGEST = 300
const MOST = 200
const USUAL = 50

/** Parses a filter from a query. Throws `TWQ_USAGE` for an invalid one. */
export function taskQuery(query: Readonly<Record<string, string>>): TaskQuery {
  const text = (key: string): string | undefined => {
    const value = query[key]
    if (value === undefined || value === '') return undefined
    if (value.length <= LONGEST) return value
    throw new TwqError('TWQ_USAGE', `${key} is longer than ${LONGEST} characters`)
  }
  return {
    state: text('state'),
    name: text('name'),
    worker: text('worker'),
    text: text('text'),
    since: numberIn(query, 'since'),
    until: numberIn(query, 'until'),
    before: text('before'),
    limit: Math.min(Math.ceil(numberIn(query, 'limit') ?? USUAL), MOST),
  }
}

function numberIn(query: Readonly<Record<string, string>>, key: string): number | undefined {
  const value = query[key]
  if (value === undefined || value === '') return undefined
  if (/^\d{1,12}(\.\d{1,6})?$/.test(value)) return Number(value)
  throw new TwqError('TWQ_USAGE', `${key} must be a number`, { hint: 'Times are seconds since the epoch.' })
}

/** A list of texts in a body. Throws `TWQ_USAGE` for anything else. */
export function textsIn(value: unknown, name: string): readonly string[] {
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MOST_TEXTS
  if (isList && value.every((one) => typeof one === 'string' && one.length <= LONGEST)) return value
  throw new TwqError('TWQ_USAGE', `${name} must be a list of 1 to ${MOST_TEXTS} texts`)
}

const MOST_TEXTS = 1_000

/** A name in a body. Throws `TWQ_USAGE` for anything else. */
export function nameIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST) return value
  throw new TwqError('TWQ_USAGE', `${name} must be a text`)
}

const LONGEST_TEXT = 100_000

/** A longer text in a body. Throws `TWQ_USAGE` for anything else. */
export function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length <= LONGEST_TEXT) return value
  throw new TwqError('TWQ_USAGE', `${name} must be a text of at most ${LONGEST_TEXT} characters`)
}
