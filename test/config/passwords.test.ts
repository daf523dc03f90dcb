import { describe, expect, it } from 'vitest'
import { parseBrokerUrl } from '../../src/broker/url.ts'
import { explain } from '../../src/cli/terminal/errors-for-people.ts'
import { createClient } from '../../src/client/create-client.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import { knownResultBackends } from '../../src/results/kinds/all.ts'
import { parseRedisUrl } from '../../src/results/redis/redis-address.ts'

describe('a URL with a password', () => {
  const FORMS = [
    'guest:s3cr3t@h:5672',
    'guest:s3cr3t@h',
    '//guest:s3cr3t@h',
    'amqp:/guest:s3cr3t@h',
    'amqp:guest:s3cr3t@h',
    'amqp//guest:s3cr3t@h',
    'amqp//:guest:s3cr3t@h',
    'http://guest:s3cr3t@h',
    'amqp ://guest:s3cr3t@h',
    '"amqp://guest:s3cr3t@h"',
    "'amqp://guest:s3cr3t@h'",
    ' guest:s3cr3t@h',
    'guest:a s3cr3t@h',
    'guest:a"s3cr3t@h',
    'x=amqp://guest:a s3cr3t',
    'redis//:s3cr3t@h',
    'redis:/:s3cr3t@h',
    'redis:s3cr3t@h',
    ':s3cr3t@127.0.0.1:6821/0',
    's3cr3t@h',
    'redi://:s3cr3t@h',
    'guest:s3cr3t',
    ':s3cr3t',
  ]
  it.each(FORMS)('is refused without it where it can not be read: %s', (url) => {
    for (const key of ['broker', 'resultBackend'] as const) {
      const file = { path: 'worker.config.ts', content: { [key]: url } }
      for (const sources of [{ file, env: {} }, { env: { TWQ_BROKER: url } }, { env: {}, flags: { [key]: url } }]) {
        const refused = attempt(() => resolveConfig({ baseDir: '/', resultBackends: knownResultBackends, ...sources }))
        expect(refused).toMatchObject({ code: 'TWQ_CONFIG' })
        expect(explain(refused)).not.toContain('s3cr3t')
        expect(explain(refused, { json: true, verbose: true })).not.toContain('s3cr3t')
      }
    }
    expect(explain(attempt(() => createClient({ broker: url })))).not.toContain('s3cr3t')
    expect(explain(attempt(() => createClient({ broker: 'amqp://h', resultBackend: url })))).not.toContain('s3cr3t')
  })

  it.each([
    'amqp://guest:s3cr3t',
    'amqp://guest:s3cr3t/vhost',
    'amqp://guest:s3cr3t@h:99999',
    'amqp://guest:s3cr3t@h/%zz',
    'amqp://guest:%s3cr3t@h',
    'amqp://guest:a#s3cr3t@h',
    'amqp://guest:12?s3cr3t=1@h',
    'redis://:s3cr3t',
    'redis://:s3cr3t@h:99999',
    'redis://:12?s3cr3t=1@h',
    'redis://:a#s3cr3t@h',
    'redis://:s3cr3t@h/db',
  ])('is refused without it where it can not be used: %s', (url) => {
    const refused = attempt(() => (url.startsWith('amqp') ? parseBrokerUrl(url) : parseRedisUrl(url)))
    expect(refused).toMatchObject({ code: 'TWQ_CONFIG' })
    expect(explain(refused, { json: true, verbose: true })).not.toContain('s3cr3t')
  })
})

function attempt(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}
