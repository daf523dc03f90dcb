import { describe, expect, it } from 'vitest'
import { objectionTo } from '../../../src/monitor/auth/guard.ts'

type Headers = Readonly<Record<string, string>>

function objection(method: string, headers: Headers, hosts: readonly string[] = ['monitor.example.com']) {
  return objectionTo(new Request('http://127.0.0.1:5555/api/tasks', { method, headers }), hosts)?.status
}

describe('the host that a request names', () => {
  it.each([
    ...[
      '127.0.0.1:5555',
      'localhost:5555',
      'localhost',
      '[::1]:5555',
      '10.1.2.3',
      'monitor.example.com',
      'MONITOR.example.com:80',
    ],
  ])('may be %s', (host) => {
    expect(objection('GET', { host })).toBeUndefined()
  })

  it.each([
    ...[
      'evil.example',
      'evil.example:5555',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      'monitor.example.com.evil',
    ],
    ...['127.0.0.1:5555@evil.example', 'localhost:5555:5555', '[::1', '', ' ', '127.1', '0x7f000001', 'localhost/..'],
  ])('may not be %j, which may be that of a page that had its name resolve to here', (host) => {
    expect(objection('GET', { host })).toBe(421)
  })
})

describe('a request of another site', () => {
  const here = { host: '127.0.0.1:5555' }
  it.each([
    ['POST', { origin: 'http://127.0.0.1:5555' }, undefined],
    ['POST', { origin: 'http://127.0.0.1:5555', 'sec-fetch-site': 'same-origin' }, undefined],
    ['POST', {}, undefined],
    // A proxy has passed its own idea of the host on.
    ['POST', { origin: 'https://monitor.example.com' }, undefined],
    ['POST', { origin: 'https://monitor.example.com:8443', 'sec-fetch-site': 'same-origin' }, undefined],
    ['POST', { origin: 'https://monitor.example.com', 'sec-fetch-site': 'same-site' }, 403],
    ['POST', { origin: 'https://monitor.example.com.evil' }, 403],
    ['POST', { origin: 'http://evil.example' }, 403],
    ['POST', { origin: 'http://127.0.0.1:5556' }, 403],
    ['POST', { origin: 'http://localhost:5555' }, 403],
    ['POST', { origin: 'null' }, 403],
    ['POST', { origin: '' }, 403],
    ['POST', { 'sec-fetch-site': 'cross-site' }, 403],
    ['POST', { 'sec-fetch-site': 'same-site' }, 403],
    ['POST', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
    ['DELETE', { origin: 'http://evil.example' }, 403],
    ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 403],
    ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, undefined],
    ['GET', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, undefined],
  ] as [string, Headers, number | undefined][])('%s with %j is answered %s', (method, headers, status) => {
    expect(objection(method, { ...here, ...headers })).toBe(status)
  })
})
