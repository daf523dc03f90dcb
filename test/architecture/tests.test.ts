import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, it } from 'vitest'

// What starts twq, Python or a server.
const STARTERS = /from '[^']*\/support\/(program|run-twq|twq-worker|worker-process|python|python-caller|services)\.ts'/

it('tests that start a program are not among those that take seconds: they end in .process.test.ts or .live.test.ts', () => {
  const root = new URL('..', import.meta.url)
  const unit = globSync('**/*.test.ts', { cwd: root, ignore: ['**/*.{process,live}.test.ts'] })
  expect(unit.length).toBeGreaterThan(100)
  expect(unit.filter((path) => STARTERS.test(readFileSync(new URL(path, root), 'utf8')))).toEqual([])
})
