import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** Packages with a version that needs a later Node than twq: `^5.0.3` of this one installs 5.1.0, which Yarn 1 refuses on Node 20. */
const NEEDS_LATER_NODE: Readonly<Record<string, string>> = { 'strip-json-comments': '^5' }

interface LockedPackage {
  readonly dev?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
}

it('is installed with no package whose newest version in the range needs a later Node', () => {
  const lock = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, LockedPackage>> }
  const installed = Object.entries(packages).filter(([, { dev }]) => dev !== true)
  const refused = installed.flatMap(([path, { dependencies = {} }]) =>
    Object.entries(dependencies)
      .filter(([name, range]) => range.startsWith(NEEDS_LATER_NODE[name] ?? 'none'))
      .map(([name, range]) => `${path}: ${name} ${range}`),
  )
  expect(refused).toEqual([])
})
