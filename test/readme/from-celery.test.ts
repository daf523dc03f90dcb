import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { optionKeys } from '../../src/config/options.ts'

const page = readFileSync(new URL('../../docs/from-celery.md', import.meta.url), 'utf8')

/** The names in the second column of the table under a heading. */
function names(heading: string): readonly string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const [table = ''] = section.split('\n## ')
  const cells = [...table.matchAll(/^\| [^|]+ \| ([^|]+) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => name))
}

it('translates settings of Celery into settings that there are', () => {
  expect(names('Settings').length).toBeGreaterThan(30)
  for (const name of names('Settings')) expect(optionKeys).toContain(name)
})
