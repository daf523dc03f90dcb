import { describe, expect, it } from 'vitest'
import type { TaskEvent } from '../../../src/protocol/remote/event.ts'
import type { RemoteError, State } from '../../../src/protocol/result-record.ts'
import type { Outcome } from '../../../src/tasks/attempt/outcome.ts'
import {
  type AckAction,
  decideSettlement,
  type FailureFlags,
  type Settlement,
} from '../../../src/worker/settle/settlement.ts'
import { settledEvents } from '../../../src/worker/settle/task-events.ts'
import { aRequest } from '../../support/a-request.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'

const error: RemoteError = { type: 'ValueError', module: 'builtins', args: ['boom'], traceback: 'at line 1' }
const message = aTaskMessage({ id: 'id-1' })
const flags: FailureFlags = { ackOnFailure: true, ackOnTimeout: true, rejectOnLost: true }

/** One row of Celery's rules, and of ours where those lose something. */
interface Row {
  readonly outcome: Outcome
  /** What becomes of the message when it is acknowledged late, and early. */
  readonly late: AckAction
  readonly early: AckAction
  /** What is stored, if anything. */
  readonly record: State | undefined
  /** What is published: what follows a success, errbacks, the message again; or else who is told that nothing follows. */
  readonly publish: 'followers' | 'errbacks' | 'retry' | 'nobody waits' | undefined
  readonly events: readonly TaskEvent['type'][]
  /** What differs with early acknowledgement, where nothing can go back. */
  readonly whenEarly?: Partial<Pick<Row, 'record' | 'publish' | 'events'>>
}

const lostForGood = { record: 'FAILURE', publish: 'errbacks', events: ['task-failed'] } as const

const table: readonly [string, Row][] = [
  [
    'returns a value',
    {
      outcome: { kind: 'succeeded', result: 5, runtime: 1 },
      late: 'ack',
      early: 'none',
      record: 'SUCCESS',
      publish: 'followers',
      events: ['task-succeeded'],
    },
  ],
  [
    'is to be retried',
    {
      outcome: { kind: 'retry', at: 99, error },
      late: 'ack',
      early: 'none',
      record: 'RETRY',
      publish: 'retry',
      events: ['task-retried'],
    },
  ],
  [
    'throws',
    {
      outcome: { kind: 'failed', error, runtime: 1 },
      late: 'ack',
      early: 'none',
      record: 'FAILURE',
      publish: 'errbacks',
      events: ['task-failed'],
    },
  ],
  [
    'runs into its hard limit',
    {
      outcome: { kind: 'timed-out', limit: 10, error },
      late: 'ack',
      early: 'none',
      record: 'FAILURE',
      publish: 'errbacks',
      events: ['task-failed'],
    },
  ],
  [
    'rejects its message for good',
    {
      outcome: { kind: 'rejected', requeue: false, error },
      late: 'drop',
      early: 'none',
      record: 'FAILURE',
      publish: 'nobody waits',
      events: ['task-rejected', 'task-failed'],
      whenEarly: { events: ['task-failed'] },
    },
  ],
  [
    'rejects its message back to the queue',
    {
      outcome: { kind: 'rejected', requeue: true, error },
      late: 'requeue',
      early: 'none',
      record: undefined,
      publish: undefined,
      events: ['task-rejected'],
      whenEarly: { record: 'FAILURE', publish: 'nobody waits', events: ['task-failed'] },
    },
  ],
  [
    'asks to be ignored',
    { outcome: { kind: 'ignored' }, late: 'ack', early: 'none', record: undefined, publish: undefined, events: [] },
  ],
  [
    'is replaced',
    {
      outcome: { kind: 'replaced', signature: null },
      late: 'ack',
      early: 'none',
      record: undefined,
      publish: undefined,
      events: [],
    },
  ],
  ...(['revoked', 'expired', 'terminated'] as const).map((reason): [string, Row] => [
    `is ${reason}`,
    {
      outcome: { kind: 'revoked', reason },
      late: 'ack',
      early: 'ack',
      record: 'REVOKED',
      publish: 'nobody waits',
      events: ['task-revoked'],
    },
  ]),
  [
    'loses whatever ran it',
    {
      outcome: { kind: 'lost', error },
      late: 'requeue',
      early: 'none',
      record: undefined,
      publish: undefined,
      events: [],
      whenEarly: lostForGood,
    },
  ],
  [
    'is interrupted by a shutdown',
    {
      outcome: { kind: 'interrupted' },
      late: 'requeue',
      early: 'none',
      record: undefined,
      publish: undefined,
      events: [],
      whenEarly: lostForGood,
    },
  ],
]

/** What a settlement has published, in the words of the table. */
function published({ ending, retryAt }: Settlement): Row['publish'] {
  if (retryAt !== undefined) return 'retry'
  if (ending === undefined) return undefined
  if (ending.kind === 'succeeded') return 'followers'
  return ending.callsErrbacks ? 'errbacks' : 'nobody waits'
}

describe.each(table)('when a task %s', (_title, row) => {
  it.each(['late', 'early'] as const)('with %s acknowledgement', (acks) => {
    const { record, publish, events, whenEarly } = row
    const expected = { record, publish, events, ...(acks === 'early' && whenEarly) }
    const settlement = decideSettlement(row.outcome, message, {
      ...flags,
      acks,
      ignoreResult: false,
      deadLetters: false,
    })
    const request = aRequest({ id: 'id-1' }, {}, acks)
    if (acks === 'early') request.acknowledge()
    expect({
      ackAction: settlement.ackAction,
      record: settlement.record?.state,
      publish: published(settlement),
      events: settledEvents(request, row.outcome).map(({ type }) => type),
    }).toEqual({ ackAction: row[acks], ...expected })
  })

  it('stores nothing when nobody wants the result', () => {
    expect(
      decideSettlement(row.outcome, message, { ...flags, acks: 'late', ignoreResult: true, deadLetters: false }).record,
    ).toBeUndefined()
  })
})

const timedOut: Outcome = { kind: 'timed-out', limit: 10, error }
const failed: Outcome = { kind: 'failed', error, runtime: 1 }
const lost: Outcome = { kind: 'lost', error }

describe('flags', () => {
  it.each<[string, Outcome, Partial<FailureFlags>, string, string]>([
    ['ackOnFailure: false has a failed task kept', failed, { ackOnFailure: false }, 'keep', 'none'],
    ['ackOnFailure says nothing of a timeout', timedOut, { ackOnFailure: false }, 'ack', 'none'],
    ['ackOnTimeout: false sends back what ran too long', timedOut, { ackOnTimeout: false }, 'requeue', 'none'],
    ['rejectOnLost: false fails the task', lost, { rejectOnLost: false }, 'ack', 'none'],
    [
      'rejectOnLost: false and ackOnFailure: false set it aside',
      lost,
      { rejectOnLost: false, ackOnFailure: false },
      'keep',
      'none',
    ],
  ])('%s, and stores FAILURE', (_title, outcome, changed, late, early) => {
    const settle = (acks: 'late' | 'early') =>
      decideSettlement(outcome, message, { ...flags, ...changed, acks, ignoreResult: false, deadLetters: false })
    expect(settle('late')).toMatchObject({ ackAction: late, record: { state: 'FAILURE' } })
    expect(settle('early')).toMatchObject({ ackAction: early, record: { state: 'FAILURE' } })
  })
})

describe('the message of a task that rejects it for good', () => {
  const rejected: Outcome = { kind: 'rejected', requeue: false, error }

  it.each<[string, 'late' | 'early', boolean, boolean]>([
    ['goes to the dead-letter exchange of its queue alone', 'late', true, false],
    ['is kept where its queue has none', 'late', false, true],
    ['is kept where it was acknowledged before, and is no dead letter any more', 'early', true, true],
  ])('%s', (_title, acks, deadLetters, kept) => {
    const policy = { ...flags, acks, ignoreResult: false, deadLetters }
    expect(decideSettlement(rejected, message, policy).failed).toBe(kept)
    expect(decideSettlement({ ...rejected, requeue: true }, message, { ...policy, acks: 'late' }).failed).toBe(false)
  })
})

it('passes on the error of a failed task', () => {
  const { record } = decideSettlement({ kind: 'failed', error, runtime: 1 }, message, {
    ...flags,
    acks: 'late',
    ignoreResult: false,
    deadLetters: false,
  })
  expect(record).toEqual({ taskId: 'id-1', state: 'FAILURE', error, traceback: 'at line 1', children: [] })
})
