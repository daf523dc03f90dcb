import { expect, it } from 'vitest'
import { cutTraceback } from '../../src/cli/show-traceback.ts'

const lines = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n')

it('shows a short traceback whole, and of a long one the beginning and the end', () => {
  expect(cutTraceback(lines(40))).toBe(lines(40))
  const cut = cutTraceback(lines(500)).split('\n')
  expect(cut).toHaveLength(40)
  expect(cut).toEqual(
    expect.arrayContaining(['line 1', 'line 20', '  … 461 lines left out; -v shows them', 'line 500']),
  )
})
