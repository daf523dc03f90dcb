import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { optionsMarkdown } from '../support/options-markdown.ts'

it('documents every option as the option table has it', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  expect(page).toContain(optionsMarkdown())
})
