import { describe, expect, it } from 'vitest'
import type { RemoteError } from '../../src/protocol/result-record.ts'
import type { Outcome } from '../../src/tasks/outcome.ts'
import { decideSettlement, type FailureFlags } from '../../src/worker/settlement.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const error: RemoteError = { type: 'ValueError', module: 'builtins', args: ['boom'], traceback: 'at line 1' }
const message = aTaskMessage({ id: 'id-1' })
const flags: FailureFlags = { ackOnFailure: true, ackOnTimeout: true, rejectOnLost: true }

interface Row {
  readonly outcome: Outcome
  readonly late: string
  readonly early: string
  readonly state: string | undefined
  /** Where it differs with early acknowledgement. */
  readonly earlyState?: string
  readonly retryAt?: number
}

const table: readonly [string, Row][] = [
  [
    'returns a value',
    { outcome: { kind: 'succeeded', result: 5, runtime: 1 }, late: 'ack', early: 'none', state: 'SUCCESS' },
  ],
  [
    'asks for a retry',
    { outcome: { kind: 'retry', at: 99, error }, late: 'ack', early: 'none', state: 'RETRY', retryAt: 99 },
  ],
  ['throws', { outcome: { kind: 'failed', error, runtime: 1 }, late: 'ack', early: 'none', state: 'FAILURE' }],
  [
    'runs into its hard limit',
    { outcome: { kind: 'timed-out', limit: 10, error }, late: 'ack', early: 'none', state: 'FAILURE' },
  ],
  [
    'rejects its message for good',
    { outcome: { kind: 'rejected', requeue: false, error }, late: 'drop', early: 'none', state: 'FAILURE' },
  ],
  [
    'rejects its message back to the queue',
    { outcome: { kind: 'rejected', requeue: true, error }, late: 'requeue', early: 'none', state: undefined },
  ],
  ['asks to be ignored', { outcome: { kind: 'ignored' }, late: 'ack', early: 'none', state: undefined }],
  ['is revoked', { outcome: { kind: 'revoked', reason: 'revoked' }, late: 'ack', early: 'ack', state: 'REVOKED' }],
  ['has expired', { outcome: { kind: 'revoked', reason: 'expired' }, late: 'ack', early: 'ack', state: 'REVOKED' }],
  [
    'loses whatever ran it',
    { outcome: { kind: 'lost', error }, late: 'requeue', early: 'none', state: undefined, earlyState: 'FAILURE' },
  ],
  [
    'is interrupted by a shutdown',
    { outcome: { kind: 'interrupted' }, late: 'requeue', early: 'none', state: undefined, earlyState: 'FAILURE' },
  ],
]

describe.each(table)('when a task %s', (_title, row) => {
  it.each([
    ['late', row.late, row.state],
    ['early', row.early, row.earlyState ?? row.state],
  ] as const)('with %s acknowledgement: %s, state %s', (acks, disposal, state) => {
    const settlement = decideSettlement(row.outcome, message, { ...flags, acks, ignoreResult: false })
    expect(settlement.disposal).toBe(disposal)
    expect(settlement.record?.state).toBe(state)
    expect(settlement.retryAt).toBe(row.retryAt)
  })

  it('stores nothing when nobody wants the result', () => {
    expect(
      decideSettlement(row.outcome, message, { ...flags, acks: 'late', ignoreResult: true }).record,
    ).toBeUndefined()
  })
})

const timedOut: Outcome = { kind: 'timed-out', limit: 10, error }
const failed: Outcome = { kind: 'failed', error, runtime: 1 }
const lost: Outcome = { kind: 'lost', error }

describe('flags', () => {
  it.each<[string, Outcome, Partial<FailureFlags>, string, string]>([
    ['ackOnFailure: false sets a failed task aside', failed, { ackOnFailure: false }, 'quarantine', 'none'],
    ['ackOnFailure says nothing of a timeout', timedOut, { ackOnFailure: false }, 'ack', 'none'],
    ['ackOnTimeout: false sends back what ran too long', timedOut, { ackOnTimeout: false }, 'requeue', 'none'],
    ['rejectOnLost: false fails the task', lost, { rejectOnLost: false }, 'ack', 'none'],
    [
      'rejectOnLost: false and ackOnFailure: false set it aside',
      lost,
      { rejectOnLost: false, ackOnFailure: false },
      'quarantine',
      'none',
    ],
  ])('%s, and stores FAILURE', (_title, outcome, changed, late, early) => {
    const settle = (acks: 'late' | 'early') =>
      decideSettlement(outcome, message, { ...flags, ...changed, acks, ignoreResult: false })
    expect(settle('late')).toMatchObject({ disposal: late, record: { state: 'FAILURE' } })
    expect(settle('early')).toMatchObject({ disposal: early, record: { state: 'FAILURE' } })
  })
})

it('passes on the error of a failed task', () => {
  const { record } = decideSettlement({ kind: 'failed', error, runtime: 1 }, message, {
    ...flags,
    acks: 'late',
    ignoreResult: false,
  })
  expect(record).toEqual({ taskId: 'id-1', state: 'FAILURE', error, traceback: 'at line 1', children: [] })
})
