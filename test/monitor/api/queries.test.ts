import { expect, it } from 'vitest'
import { taskQuery } from '../../../src/monitor/api/queries.ts'

it.each([
  ['', 50],
  ['0.5', 1],
  ['1.5', 2],
  ['200.5', 200],
])('asks for a whole number of tasks where the limit is "%s"', (limit, expected) => {
  // SQLite takes no other.
  expect(taskQuery({ limit }).limit).toBe(expected)
})

it('refuses a limit that is no number', () => {
  expect(() => taskQuery({ limit: 'x' })).toThrow('limit must be a number')
})
