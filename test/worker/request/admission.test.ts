import { expect, it } from 'vitest'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import { admit } from '../../../src/worker/request/admission.ts'

const NOW = 1_000_000

it.each([
  ['no times: runs', {}, { kind: 'run' }],
  ['an eta ahead: held until then', { eta: NOW + 1 }, { kind: 'hold', until: NOW + 1 }],
  ['an eta that has come: runs', { eta: NOW }, { kind: 'run' }],
  ['an eta behind: runs', { eta: NOW - 1 }, { kind: 'run' }],
  ['expired: refused', { expires: NOW - 1 }, { kind: 'refuse', outcome: { kind: 'revoked', reason: 'expired' } }],
  ['expires this very moment: runs', { expires: NOW }, { kind: 'run' }],
  [
    'expired before its eta: refused',
    { eta: NOW + 5, expires: NOW - 1 },
    { kind: 'refuse', outcome: { kind: 'revoked', reason: 'expired' } },
  ],
])('a message with %s', (_title, times, admission) => {
  const message = { eta: undefined, expires: undefined, ...times } as TaskMessage
  expect(admit(message, { now: NOW, revoked: false })).toEqual(admission)
})

it.each([
  ['at once', {}, 'revoked'],
  ['before its eta', { eta: NOW + 5 }, 'revoked'],
  ['as expired where it is that too', { expires: NOW - 1 }, 'expired'],
])('a revoked message is refused %s', (_title, times, reason) => {
  const message = { eta: undefined, expires: undefined, ...times } as TaskMessage
  expect(admit(message, { now: NOW, revoked: true })).toEqual({ kind: 'refuse', outcome: { kind: 'revoked', reason } })
})
