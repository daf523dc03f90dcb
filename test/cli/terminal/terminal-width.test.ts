import { expect, it } from 'vitest'
import { terminalWidth } from '../../../src/cli/terminal/terminal-width.ts'

it('a terminal that reports no width, or none worth the name, has none', () => {
  expect(terminalWidth({ columns: 80 })).toBe(80)
  expect(terminalWidth({ columns: 0 })).toBeUndefined()
  expect(terminalWidth({} as { columns: number })).toBeUndefined()
})
