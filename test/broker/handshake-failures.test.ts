import { describe, expect, it } from 'vitest'
import { handshakeFailure, socketFailure } from '../../src/broker/handshake-failures.ts'
import type { BrokerAddress } from '../../src/broker/url.ts'

const ADDRESS: BrokerAddress = { tls: false, host: 'mq', port: 5672, user: 'ann', password: 's3cr3t', vhost: 'jobs' }

describe('socketFailure', () => {
  it.each([
    ['ECONNREFUSED', 'TWQ_BROKER_UNREACHABLE', /nothing listens at mq:5672/],
    ['ENOTFOUND', 'TWQ_BROKER_UNREACHABLE', /host name mq can't be resolved/],
    ['EHOSTUNREACH', 'TWQ_BROKER_UNREACHABLE', /can't be reached \(EHOSTUNREACH\)/],
    ['ECONNRESET', 'TWQ_BROKER_UNREACHABLE', /failed: ECONNRESET/],
  ])('tells %s', (code, expected, message) => {
    const failure = socketFailure(Object.assign(new Error(code), { code }), ADDRESS)
    expect(failure).toMatchObject({ code: expected, message: expect.stringMatching(message) })
  })

  it('gives the reason of OpenSSL without what surrounds it', () => {
    const cause = Object.assign(new Error('800C:error:0A00010B:SSL routines:record:wrong version number:a.c:350:\n'), {
      code: 'ERR_SSL_WRONG_VERSION_NUMBER',
      reason: 'wrong version number',
    })
    expect(socketFailure(cause, { ...ADDRESS, tls: true }).message).toMatch(/: wrong version number$/)
  })

  it.each([
    ['CERT_HAS_EXPIRED', /has expired/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /is for another host/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /not signed by an authority known here/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /not signed by an authority known here/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /no TLS connection/],
  ])('tells the TLS failure %s from the others', (code, message) => {
    const failure = socketFailure(Object.assign(new Error(code), { code }), { ...ADDRESS, tls: true })
    expect(failure).toMatchObject({ code: 'TWQ_BROKER_TLS', message: expect.stringMatching(message) })
  })

  it('speaks of the first address when a name has several', () => {
    const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    expect(socketFailure(new AggregateError([refused, new Error('y')]), ADDRESS).message).toMatch(/nothing listens/)
  })
})

describe('handshakeFailure', () => {
  it.each([
    [530, 'NOT_ALLOWED - vhost jobs not found', 'TWQ_BROKER_VHOST', /there is no vhost "jobs" on mq:5672/],
    [
      530,
      "NOT_ALLOWED - access to vhost 'jobs' refused for user 'ann'",
      'TWQ_BROKER_VHOST',
      /user "ann" may not use the vhost "jobs"/,
    ],
    [
      530,
      "NOT_ALLOWED - access to vhost 'jobs' refused for user 'ann': connection limit (9) is reached",
      'TWQ_BROKER_UNREACHABLE',
      /mq:5672 takes no more connections: .*limit \(9\) is reached/,
    ],
    [
      530,
      "NOT_ALLOWED - connection refused for user 'ann': user connection limit (2) is reached",
      'TWQ_BROKER_UNREACHABLE',
      /mq:5672 takes no more connections: .*user connection limit \(2\)/,
    ],
    [
      541,
      "INTERNAL_ERROR - access to vhost 'jobs' refused for user 'ann': vhost 'jobs' is down",
      'TWQ_BROKER_UNREACHABLE',
      /is down/,
    ],
    [
      403,
      'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.',
      'TWQ_BROKER_AUTH',
      /login refused for user "ann" on mq:5672/,
    ],
    [
      320,
      "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
      'TWQ_BROKER_UNREACHABLE',
      /320 CONNECTION_FORCED/,
    ],
  ])('reads %i %s', (code, text, expected, message) => {
    const failure = handshakeFailure(new Error('Expected ConnectionOpenOk'), { code, text }, ADDRESS)
    expect(failure).toMatchObject({ code: expected, message: expect.stringMatching(message) })
    expect(`${failure.message}${failure.hint}`).not.toContain('s3cr3t')
  })
})
