import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

/**
 * Vitest's global setup: tests that run `bin/twq.js` run what is in src/ now. Wrong types are for `npm run typecheck` to
 * say. The unit tests run none.
 */
export function setup({ vitest }: TestProject): void {
  if (vitest.projects.every(({ name }) => name === 'unit')) return
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  for (const command of [
    ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json'],
    ['tools/bundle.mjs', '--if-changed'],
    ['tools/build-page.mjs', '--if-changed'],
  ]) {
    const { error } = spawnSync(process.execPath, command, { cwd })
    if (error) throw error
  }
}
