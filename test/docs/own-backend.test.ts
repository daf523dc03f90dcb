import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/configuration.md shows the result backend that the tests are run with', () => {
  const source = textOf('test/support/map-results.ts').replace("'../../src/index.ts'", "'twq'")
  expect(textOf('docs/configuration.md')).toContain(`\`\`\`ts\n${source}\`\`\``)
})
