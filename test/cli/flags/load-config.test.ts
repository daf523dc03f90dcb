import { expect, it } from 'vitest'
import type { GlobalOptions } from '../../../src/cli/flags/global-options.ts'
import { loadConfig } from '../../../src/cli/flags/load-config.ts'

it('hears flags that take no value', async () => {
  const flags = { quiet: true, taskEvents: true, withoutHeartbeat: true } as GlobalOptions
  const { config, origins } = await loadConfig('worker start', flags)
  expect(config).toMatchObject({ events: true, workerEvents: false })
  expect([origins.get('events'), origins.get('workerEvents')]).toEqual(['--task-events', '--without-heartbeat'])
})
