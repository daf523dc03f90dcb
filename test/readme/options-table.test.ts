import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { optionsTable, tableIn, withTable } from './options-table.ts'

const README = join(import.meta.dirname, '../../README.md')

// UPDATE_README=1 npx vitest run test/readme/options-table.test.ts writes the table anew.
it('the README has the option table of the source', () => {
  if (process.env.UPDATE_README) writeFileSync(README, withTable(readFileSync(README, 'utf8'), optionsTable()))
  expect(tableIn(readFileSync(README, 'utf8'))).toBe(optionsTable())
})
