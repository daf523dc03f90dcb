import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Vitest's global setup: tests that run `bin/twq.js` run what is in src/ now. Wrong types are for `npm run typecheck` to say. */
export function setup(): void {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { error } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd,
  })
  if (error) throw error
}
