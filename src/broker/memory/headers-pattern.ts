import { isDeepStrictEqual } from 'node:util'
import type { Headers, HeaderValue } from '../../protocol/wire.ts'
import { typeName } from './queue-settings.ts'
import { preconditionFailed } from './refusal.ts'

/** The headers that a binding of a headers exchange matches. */
export interface HeadersPattern {
  readonly mode: 'all' | 'any'
  readonly wanted: readonly (readonly [name: string, value: HeaderValue])[]
}

/** Reads a binding's arguments. Throws a refusal when `x-match` is none of the four words. */
export function parseHeadersPattern(args: Headers): HeadersPattern {
  const match = args['x-match'] ?? 'all'
  if (match !== 'all' && match !== 'any' && match !== 'all-with-x' && match !== 'any-with-x') {
    throw typeof match === 'string'
      ? preconditionFailed(`Invalid x-match field value <<"${match}">>; expected all, any, all-with-x, or any-with-x`)
      : preconditionFailed(`Invalid x-match field type ${typeName(match)} (value ${String(match)}); expected longstr`)
  }
  const withX = match.endsWith('-with-x')
  return {
    mode: match.startsWith('all') ? 'all' : 'any',
    wanted: Object.entries(args).filter(([name]) => name !== 'x-match' && (withX || !name.startsWith('x-'))),
  }
}

/** Whether a message's headers fit. A wanted null asks only that the header be there. */
export function matchesHeaders(pattern: HeadersPattern, headers: Headers): boolean {
  const fits = ([name, value]: readonly [string, HeaderValue]): boolean => {
    const found = headers[name]
    return found !== undefined && (value === null || isDeepStrictEqual(found, value))
  }
  return pattern.mode === 'all' ? pattern.wanted.every(fits) : pattern.wanted.some(fits)
}
