import { expect, it } from 'vitest'
import { parseDuration } from '../../../src/runtime/time/duration.ts'

it.each<[unknown, number | undefined]>([
  [0, 0],
  [1_500, 1_500],
  ['500ms', 500],
  ['20s', 20_000],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['5min', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  [' 20 s ', 20_000],
  ['20', undefined],
  ['', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['1e3s', undefined],
  ['1 year', undefined],
  ['1m30s', undefined],
  [-1, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  [`${'9'.repeat(309)}s`, undefined],
  [null, undefined],
  [{}, undefined],
])('reads %j as %j milliseconds', (value, expected) => {
  expect(parseDuration(value)).toBe(expected)
})
