import { expect, it } from 'vitest'
import { resolveConfig } from '../../../src/config/resolve-config.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { createRegistry } from '../../../src/tasks/registry.ts'
import { createWorker } from '../../../src/worker/create-worker.ts'

it.each([
  ['rediss://localhost:1?ssl_cert_reqs=none', /^ssl_cert_reqs=none/],
  ['rediss://localhost:1', undefined],
  ['rpc://', undefined],
])('a worker warns of a result backend whose certificate is not verified, once: %s', (resultBackend, warning) => {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } })
  const file = { path: 'worker.config.ts', content: { resultBackend } }
  createWorker({ config: resolveConfig({ file, baseDir: '/' }), registry: createRegistry([]), logger })
  const expected = warning && { level: 'warn', event: 'tls.unverified', msg: expect.stringMatching(warning) }
  expect(lines.map((line) => JSON.parse(line))).toEqual(expected ? [expect.objectContaining(expected)] : [])
})
