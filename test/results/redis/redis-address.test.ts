import { describe, expect, it } from 'vitest'
import { parseRedisUrl, unverifiedTls } from '../../../src/results/redis/redis-address.ts'

const PLAIN = { user: undefined, password: undefined, database: 0, sentinelPassword: undefined, tls: undefined }
const TLS = { verified: true, checksName: true, caFile: undefined, certFile: undefined, keyFile: undefined }
const server = (host: string, port = 6379) => ({ at: { kind: 'server', host, port } })

it.each([
  ['redis://', { ...PLAIN, ...server('localhost') }],
  ['redis://host', { ...PLAIN, ...server('host') }],
  ['redis://host:6380/2', { ...PLAIN, ...server('host', 6380), database: 2 }],
  ['redis://:p%40ss@host/1', { ...PLAIN, ...server('host'), password: 'p@ss', database: 1 }],
  ['redis://me:secret@[::1]:7/', { ...PLAIN, ...server('::1', 7), user: 'me', password: 'secret' }],
  ['redis://host?password=x', { ...PLAIN, ...server('host'), password: 'x' }],
  ['rediss://host', { ...PLAIN, ...server('host'), tls: TLS }],
  ['rediss://host?ssl_cert_reqs=CERT_NONE', { ...PLAIN, ...server('host'), tls: { ...TLS, verified: false } }],
  [
    'rediss://host?ssl_cert_reqs=required&ssl_ca_certs=%2Fca.pem&ssl_check_hostname=false',
    { ...PLAIN, ...server('host'), tls: { ...TLS, checksName: false, caFile: '/ca.pem' } },
  ],
  [
    'redis+socket:///run/redis.sock?virtual_host=3',
    { ...PLAIN, at: { kind: 'socket', path: '/run/redis.sock' }, database: 3 },
  ],
  [
    'sentinel://:pw@a:26379/3;sentinel://b',
    {
      ...PLAIN,
      at: {
        kind: 'sentinels',
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 26_379 },
        ],
        master: 'mymaster',
      },
      password: 'pw',
      database: 3,
    },
  ],
])('reads %s', (url, expected) => {
  expect(parseRedisUrl(url)).toEqual(expected)
})

it.each([
  ['redis://:s3cret@host:70000', 'has no usable port'],
  ['redis://:s3cret@host/results', 'names the database "results"'],
  ['redis://:s3/cret@host', 'has a special character that is not escaped'],
  ['redis://:s3cret%@host', 'has a % that is not followed by two hexadecimal digits'],
  ['redis://:s3cret@host?ssl_cert_reqs=none', 'has ssl_cert_reqs, but does not use TLS'],
  ['rediss://:s3cret@host?ssl_cert_reqs=perhaps', 'has ssl_cert_reqs=perhaps'],
  ['redis://:s3cret@host?timeout=3', 'has the parameter timeout, which is not known'],
  ['redis://:s3cret@a;redis://:s3cret@b', 'names several servers'],
  ['sentinel://:s3cret@a:26379;b:26379', 'has a ; in its host or path'],
  ['memcached://:s3cret@host', 'has the scheme memcached'],
  ['constructor://:s3cret@host', 'has the scheme constructor'],
  ['redis:/:s3cret@host', 'does not begin with redis:// or rediss://'],
  ['redis://:12?s3cret@host', 'has a parameter, which is not known'],
])('refuses %s, without its password', (url, problem) => {
  expect(() => parseRedisUrl(url)).toThrow(
    expect.objectContaining({ code: 'TWQ_CONFIG', message: expect.stringContaining(problem) }),
  )
  expect(() => parseRedisUrl(url)).not.toThrow(/s3/)
})

describe('a result backend whose server is not verified', () => {
  it.each([
    ['rediss://host?ssl_cert_reqs=none', 'ssl_cert_reqs=none'],
    ['rediss://host?ssl_cert_reqs=CERT_NONE&ssl_check_hostname=false', 'ssl_cert_reqs=none'],
    ['rediss://host?ssl_check_hostname=false&ssl_ca_certs=/ca.pem', 'ssl_check_hostname=false'],
  ])('is told of, by the option: %s', (url, option) => {
    expect(unverifiedTls(parseRedisUrl(url))).toMatch(new RegExp(`^${option} in the URL of the result backend: `))
  })

  it.each(['redis://host', 'rediss://host', 'rediss://host?ssl_cert_reqs=required'])('is not %s', (url) => {
    expect(unverifiedTls(parseRedisUrl(url))).toBeUndefined()
  })
})
