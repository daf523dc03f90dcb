import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

it.each(globSync('examples/*/package.json', { cwd: ROOT }))('%s names the packages that it is tested with', (path) => {
  const { twq, ...others } = packageAt(path).dependencies
  const { dependencies, devDependencies } = packageAt('package.json')
  expect(twq).toBe('file:../..')
  expect({ ...devDependencies, ...dependencies }).toMatchObject(others)
})

function packageAt(path: string): Record<'dependencies' | 'devDependencies', Record<string, string>> {
  return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'))
}
