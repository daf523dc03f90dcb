import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('CONTRIBUTING.md', () => {
  const page = text('CONTRIBUTING.md')

  it('names every variable that tests and benchmarks read', () => {
    const files = globSync(['test/**/*.ts', 'bench/**/*.ts', 'vitest.config.ts'], { cwd: ROOT })
    const read = files.flatMap((file) => text(file).match(/(?<=process\.env\.)TWQ_TEST_\w+/g) ?? [])
    const documented = page.match(/(?<=^\| `)TWQ_TEST_\w+/gm) ?? []
    expect([...new Set(read)].sort()).toEqual([...documented].sort())
  })

  it('names the kinds of test files that there are', () => {
    const kinds = new Set(
      globSync('test/**/*.test.ts', { cwd: ROOT }).map((file) => /(\.\w+)?\.test\.ts$/.exec(file)?.[0]),
    )
    const documented = page.match(/(?<=^\| `\*)[.\w]+(?=`)/gm)
    expect(new Set(documented)).toEqual(kinds)
  })

  it('is found from the README, and the page about weaknesses too', () => {
    expect(text('README.md')).toContain('(CONTRIBUTING.md)')
    expect(text('README.md')).toContain('(SECURITY.md)')
  })
})

describe('npm run check', () => {
  it('comes first in CI, after the install', () => {
    expect(text('.ci/run')).toMatch(/^step 'install' npm ci\nstep '[^']*' counted check npm run check -- --$/m)
  })
})
