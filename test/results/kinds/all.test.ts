import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import type { Publisher } from '../../../src/broker/publisher.ts'
import { openBackend } from '../../../src/results/kinds/all.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'

it.each([
  ['rediss://localhost:1?ssl_cert_reqs=none', /^ssl_cert_reqs=none/],
  ['rediss://localhost:1?ssl_check_hostname=false', /^ssl_check_hostname=false/],
  ['rediss://localhost:1', undefined],
  ['rpc', undefined],
])('warns of a result backend whose certificate is not verified, once: %s', (backend, warning) => {
  const lines: string[] = []
  const destination = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    },
  })
  openBackend(backend, {
    publisher: {} as Publisher,
    node: 'w1@host',
    expires: 0,
    extended: false,
    keyPrefix: '',
    patience: 1_000,
    leaving: new AbortController().signal,
    clock: systemClock,
    logger: createLogger({ level: 'info', format: 'json', fields: {}, destination }),
  })
  const expected = warning && { level: 'warn', event: 'tls.unverified', msg: expect.stringMatching(warning) }
  expect(lines.map((line) => JSON.parse(line))).toEqual(expected ? [expect.objectContaining(expected)] : [])
})
