import { describe, expect, it } from 'vitest'
import { knownResultBackends, resultBackendKinds, resultBackendOf } from '../../../src/results/kinds/all.ts'
import { canBeRead } from '../../../src/results/result-reading.ts'

describe('the text of resultBackend', () => {
  it.each([
    ['rpc', 'rpc://', 'rpc:///', true],
    ['rpc://', 'rpc://', 'rpc:///', true],
    ['none', 'none', 'disabled', false],
    ['redis://user:s3cr3t@host/1', 'redis://user:***@host/1', 'redis://user:********@host/1', true],
    ['REDISS://host', 'REDISS://host', 'REDISS://host', true],
    ['redis+socket:///run/redis.sock', 'redis+socket:///run/redis.sock', 'redis+socket:///run/redis.sock', true],
    ['sentinel://a;sentinel://b', 'sentinel://a;sentinel://b', 'sentinel://a;sentinel://b', true],
  ])('%s means one kind, which shows itself as %s, and to Celery as %s', (text, shown, celeryName, read) => {
    expect(resultBackendKinds.filter((kind) => kind.matches(text))).toHaveLength(1)
    expect(knownResultBackends.accepts(text)).toBe(true)
    const backend = resultBackendOf(text)
    expect(backend).toMatchObject({ shown, celeryName })
    expect(canBeRead(backend)).toBe(read)
  })

  it.each(['', 'redis', 'none://', 'rpc:///x', 'memcached://:s3cr3t@host', 'db+sqlite:///file'])(
    'can not be %j, which is said without a password',
    (text) => {
      expect(knownResultBackends.accepts(text)).toBe(false)
      const message = "resultBackend must be 'rpc://', 'none' or a URL like 'redis://:password@host:6379/0', got "
      const refused = { code: 'TWQ_CONFIG', message: expect.stringContaining(message) }
      expect(() => resultBackendOf(text)).toThrow(expect.objectContaining(refused))
      expect(() => resultBackendOf(text)).not.toThrow(/s3cr3t/)
    },
  )
})

it.each([
  ['rediss://localhost:1?ssl_cert_reqs=none', /^ssl_cert_reqs=none/],
  ['rediss://localhost:1?ssl_check_hostname=false', /^ssl_check_hostname=false/],
])('a result backend says how its certificate is not verified: %s', (text, sentence) => {
  expect(resultBackendOf(text).unverifiedTls).toMatch(sentence)
})

it.each(['rediss://localhost:1', 'redis://localhost:1', 'rpc', 'none'])(
  'a result backend says nothing of %s',
  (text) => {
    expect(resultBackendOf(text).unverifiedTls).toBeUndefined()
  },
)
