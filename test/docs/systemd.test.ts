import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { EXIT } from '../../src/cli/terminal/exit-codes.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
const [, unit = ''] = /```ini\n([\s\S]*?)\n```/.exec(page) ?? []

/** What the unit in docs/operations.md says. */
function setting(name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]
}

it('gives a worker more time to stop than it takes at most', () => {
  const { grace, abort } = resolveConfig({ env: {}, baseDir: import.meta.dirname }).shutdown
  expect(Number(setting('TimeoutStopSec')) * 1_000).toBeGreaterThan(grace + abort)
})

it('does not start a worker again that was told wrong things', () => {
  expect(setting('RestartPreventExitStatus')?.split(' ').map(Number)).toEqual([
    EXIT.usage,
    EXIT.cantCreate,
    EXIT.config,
  ])
})
