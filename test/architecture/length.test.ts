import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, it } from 'vitest'

const SRC = new URL('../../src/', import.meta.url)

const LONGEST = 300

/** Tables, which a reader looks things up in and does not read from top to bottom. */
const TABLES: Readonly<Record<string, string>> = {
  'config/celery-groups.ts': 'a row for each group of settings of Celery',
  'runtime/log/events.ts': 'a row for each event of the log',
}

const lines = new Map(
  globSync('**/*.{ts,mts,mjs}', { cwd: SRC }).map((file) => [
    file,
    readFileSync(new URL(file, SRC), 'utf8').trimEnd().split('\n').length,
  ]),
)

it('no file of the source is longer than one thought, tables aside', () => {
  const long = [...lines].filter(([file, count]) => count > LONGEST && !(file in TABLES))
  expect(long).toEqual([])
})

it('only long tables are named as such', () => {
  expect(Object.keys(TABLES).filter((table) => (lines.get(table) ?? 0) <= LONGEST)).toEqual([])
})
