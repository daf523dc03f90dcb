import { describe, expect, it } from 'vitest'
import { type BrokerAddress, describeAddress, parseBrokerUrl } from '../../src/broker/url.ts'

const DEFAULTS: BrokerAddress = {
  tls: false,
  host: 'localhost',
  port: 5672,
  user: 'guest',
  password: 'guest',
  vhost: '/',
}

describe('parseBrokerUrl', () => {
  it.each<[string, Partial<BrokerAddress>]>([
    ['amqp://', {}],
    ['amqp://localhost', {}],
    ['amqp://localhost/', {}],
    ['amqp://localhost//', {}],
    ['amqp://localhost/%2F', {}],
    ['amqp://localhost/%2f', {}],
    ['amqp://localhost/jobs', { vhost: 'jobs' }],
    ['amqp://localhost//jobs', { vhost: '/jobs' }],
    ['amqp://localhost/a/b', { vhost: 'a/b' }],
    ['amqp://guest@localhost//', {}],
    [
      'amqp://ann:secret@mq.example:5673/jobs',
      { user: 'ann', password: 'secret', host: 'mq.example', port: 5673, vhost: 'jobs' },
    ],
    ['amqp://ann:p%40ss%2Fw%23%25@mq', { user: 'ann', password: 'p@ss/w#%', host: 'mq' }],
    ['amqp://ann:p@ss@mq', { user: 'ann', password: 'p@ss', host: 'mq' }],
    ['amqp://ann:a:b@mq', { user: 'ann', password: 'a:b', host: 'mq' }],
    ['pyamqp://mq', { host: 'mq' }],
    ['AMQP://mq', { host: 'mq' }],
    ['amqps://mq', { host: 'mq', tls: true, port: 5671 }],
    ['amqp://[::1]:5673/', { host: '::1', port: 5673 }],
    ['amqp://[::1]', { host: '::1' }],
    ['amqp://localhost?heartbeat=20', { heartbeat: 20_000 }],
    ['amqp://localhost/?heartbeat=0&connection_timeout=2500', { heartbeat: 0, connectTimeout: 2_500 }],
    [
      'amqps://mq?cacertfile=/etc/ca.pem&verify=verify_peer',
      { host: 'mq', tls: true, port: 5671, caFile: '/etc/ca.pem' },
    ],
    ['amqps://mq?ssl_cert_reqs=CERT_REQUIRED&channel_max=10', { host: 'mq', tls: true, port: 5671 }],
  ])('reads %s', (url, expected) => {
    expect(parseBrokerUrl(url)).toEqual([{ ...DEFAULTS, ...expected }])
  })

  it('takes several URLs separated by semicolons as alternatives', () => {
    expect(parseBrokerUrl('amqp://a;amqp://ann:x;y@b:1/;').map(describeAddress)).toEqual(['a:5672', 'b:1'])
  })

  it.each([
    ['', /broker URL is empty/],
    ['localhost:5672', /localhost:5672 does not begin with amqp:\/\//],
    ['redis://:secret@cache', /redis:\/\/:\*\*\*@cache has the scheme redis/],
    ['amqp://ann:secret@mq:port/', /amqp:\/\/ann:\*\*\*@mq:port\/ has no usable port/],
    ['amqp://ann:secret@mq:70000', /no usable port/],
    ['amqp://ann:se/cret@mq', /amqp:\/\/ann:\*\*\*@mq has a special character/],
    ['amqp://ann:se#cret@mq', /amqp:\/\/ann:\*\*\*@mq has a special character/],
    ['amqp://ann:se%cret@mq', /has a % that is not followed/],
    ['amqp://ann:secret@a;b', /amqp:\/\/ann:\*\*\*@a;b has a ; in its host or path/],
    ['amqp://ann:secret@a//;b', /has a ; in its host or path/],
    ['amqp://mq?heartbeat=soon', /heartbeat=soon, which is no whole number/],
    ['amqp://mq?color=red', /the parameter color, which is not known/],
    ['amqps://mq?verify=verify_none', /certificate is always verified/],
  ])('refuses %j without showing a password', (url, problem) => {
    expect(() => parseBrokerUrl(url)).toThrowError(
      expect.objectContaining({
        code: 'TWQ_CONFIG',
        message: expect.stringMatching(problem),
        hint: expect.any(String),
      }),
    )
    expect(() => parseBrokerUrl(url)).not.toThrowError(/se.?cret/)
  })
})
