import { expect, it } from 'vitest'
import { progressText } from '../../../src/cli/terminal/progress-text.ts'
import type { ResultRecord } from '../../../src/protocol/result-record.ts'
import type { Json } from '../../../src/runtime/json.ts'

const progress = (result: Json): ResultRecord =>
  ({ taskId: 'an-id', state: 'PROGRESS', result, traceback: null, children: [] }) as unknown as ResultRecord

it.each<[string, Json, string]>([
  ['current and total', { current: 1, total: 4 }, 'PROGRESS [#####...............]  25% 1 of 4'],
  ['done and of', { done: 4, of: 4, name: 'x' }, 'PROGRESS [####################] 100% 4 of 4'],
  ['integers of any size', { done: 1n, of: 2n }, 'PROGRESS [##########..........]  50% 1 of 2'],
  ['more than all', { done: 9, of: 3 }, 'PROGRESS [####################] 100% 9 of 3'],
  ['a total of nothing', { current: 0, total: 0 }, 'PROGRESS {"current": 0, "total": 0}'],
  ['words for numbers', { current: '1', total: '4' }, 'PROGRESS {"current": "1", "total": "4"}'],
  ['other meta', { step: 'reading' }, 'PROGRESS {"step": "reading"}'],
  ['no meta', null, 'PROGRESS'],
  ['a list', [1, 2], 'PROGRESS [1, 2]'],
])('shows progress with %s', (_title, meta, text) => {
  expect(progressText(progress(meta))).toBe(text)
})

it('is PENDING until something is heard', () => {
  expect(progressText(undefined)).toBe('PENDING')
})

it('is one short line without controls, whatever the meta hold', () => {
  const text = progressText(progress({ note: `\u001b[2J\n${'x'.repeat(10_000)}` }))
  expect(text.length).toBeLessThan(300)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(text).not.toMatch(/[\u0000-\u001f]/)
})
