import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { EXIT, EXIT_MEANINGS, exitCodeOf, exitCodeOfSignal } from '../../../src/cli/terminal/exit-codes.ts'
import { type ErrorCode, TwqError } from '../../../src/errors.ts'

it.each<[ErrorCode, number]>([
  ['TWQ_USAGE', 2],
  ['TWQ_TASK_FAILED', 1],
  ['TWQ_RESULT_TIMEOUT', 124],
  ['TWQ_BROKER_UNREACHABLE', 69],
  ['TWQ_PUBLISH_TIMEOUT', 69],
  ['TWQ_NO_WORKER', 69],
  ['TWQ_PUBLISH_OVERFLOW', 75],
  ['TWQ_CONFIG', 78],
  ['TWQ_CONFIG_FILE', 78],
  ['TWQ_TASKS', 78],
  ['TWQ_BROKER_AUTH', 78],
])('ends with %s as %i', (code, status) => {
  expect(exitCodeOf(new TwqError(code, 'x'))).toBe(status)
})

it('ends with 1 for what is not ours', () => {
  for (const thrown of [new Error('x'), 'x', undefined]) expect(exitCodeOf(thrown)).toBe(1)
})

it('follows the shells where a signal cut the work short', () => {
  expect([exitCodeOfSignal('SIGINT'), exitCodeOfSignal('SIGTERM')]).toEqual([130, 143])
})

it('has a meaning for every status, which the page for operators lists', () => {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const listed = EXIT_MEANINGS.map(([status]) => status)
  expect(Object.values(EXIT).filter((status) => !listed.includes(status))).toEqual([])
  const rows = EXIT_MEANINGS.map(([status, meaning]) => `| ${status} | ${meaning} |`)
  expect(page).toContain(['| status | meaning |', '|---|---|', ...rows].join('\n'))
})
