import { describe, expect, it } from 'vitest'
import type { KeptFailures } from '../../../src/config/options/failures.ts'
import { TwqError } from '../../../src/errors.ts'
import type { ChordPart, ChordStart } from '../../../src/protocol/chord/chord.ts'
import { readFailureFacts } from '../../../src/protocol/headers/failed.ts'
import type { ResultRecord } from '../../../src/protocol/result-record.ts'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import type { ResultBackend } from '../../../src/results/backend.ts'
import type { Json } from '../../../src/runtime/json.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { createRouter } from '../../../src/sending/router.ts'
import type { Outcome } from '../../../src/tasks/attempt/outcome.ts'
import { FollowUpPublisher } from '../../../src/worker/follow-ups/follow-up-publisher.ts'
import { FollowUps } from '../../../src/worker/follow-ups/follow-ups.ts'
import { SentChildren } from '../../../src/worker/request/sent-children.ts'
import { EndedAside } from '../../../src/worker/settle/ended-aside.ts'
import { FailedMessages } from '../../../src/worker/settle/failed-messages.ts'
import { settle } from '../../../src/worker/settle/settle.ts'
import { aDelivery, aRequest } from '../../support/a-request.ts'
import { aSilentLogger } from '../../support/attempts.ts'
import { headersOf, postBy } from '../../support/posted.ts'

/** Settles a task and writes down what happened, in order; `publish` stands for the broker. */
async function settled(
  embed: Partial<TaskMessage['embed']>,
  outcome: Outcome,
  options: {
    readonly publish?: () => void
    /** Why the result backend does not store a success. */
    readonly unstorable?: TwqError
    readonly declare?: () => Promise<void>
    readonly chord?: boolean
    readonly group?: string
    readonly acks?: 'late' | 'early'
    readonly failures?: KeptFailures
  } = {},
) {
  const journal: string[] = []
  const records: ResultRecord[] = []
  const publish = async ({ message }: Outgoing): Promise<'confirmed'> => {
    options.publish?.()
    await Promise.resolve()
    const headers = headersOf(message)
    const kept = readFailureFacts(headers)?.part
    journal.push(kept === undefined ? `confirmed ${String(headers.task)}` : `kept ${kept}`)
    return 'confirmed'
  }
  const publisher = { outstanding: 0, bytes: 0, publish, post: postBy(publish) }
  const results: ResultBackend = {
    kind: 'rpc',
    async store(record, { id }) {
      await Promise.resolve()
      if (record.state === 'SUCCESS' && options.unstorable !== undefined) throw options.unstorable
      journal.push(`stored ${record.state} of ${id}`)
      records.push(record)
      return 'stored'
    },
    ...(options.chord && {
      chord: {
        begin: async ({ groupId }: ChordStart) => {
          journal.push(`announced ${groupId}`)
        },
        partEnded: async ({ record }: ChordPart) => {
          journal.push(`counted ${record.state}`)
          return { all: undefined, additions: [] }
        },
        grow: async ({ call, signature }) => ({ call, signature, sent: false }),
        additionSent: async () => {},
        forgetAdditions: async () => {},
        forget: async () => {},
      },
    }),
  }
  const none = { callbacks: null, errbacks: null, chain: null, chord: null }
  const delivery = aDelivery({
    headers: { task: 'add' },
    ack: () => {
      journal.push('acked')
      return true
    },
  })
  const request = aRequest(
    { id: 'own', group: options.group ?? null, embed: { ...none, ...embed } },
    delivery,
    options.acks,
  )
  const clock = systemClock
  const queues = {
    has: () => options.declare === undefined,
    declare: options.declare ?? (async () => {}),
    forget: () => {},
  }
  const sentChildren = new SentChildren()
  const followUps = new FollowUps({
    publisher: new FollowUpPublisher(publisher, queues, { publish: async () => false }),
    results,
    sentChildren,
    clock,
    logger: aSilentLogger(),
    origin: 'gen1@here',
    address: createRouter({ defaultQueue: 'celery' }).address,
  })
  const failed = new FailedMessages({
    failures: options.failures ?? 'drop',
    registry: { get: () => undefined },
    publisher,
    declare: async (queue) => void journal.push(`declared the failures of ${queue}`),
    count: async () => 0,
    limits: async () => ({ keep: 1_000, bytes: 1_000_000 }),
    node: 'twq@test',
    onKept: () => {},
    clock,
    logger: aSilentLogger(),
  })
  const endedAside = new EndedAside({
    failed,
    aside: { settle: ({ settle: setAside }) => setAside() },
    finished: { addUnquarantined: () => {}, quarantined: () => {} },
  })
  const flags = { ackOnFailure: true, ackOnTimeout: true, rejectOnLost: true }
  const giveBack = async () => {
    journal.push('given back')
  }
  const delays = { retry: async () => false }
  const onAckLost = () => {}
  const onAcknowledged = () => {}
  const onAgain = (_request: unknown, { kind }: Outcome) => {
    journal.push(`told of ${kind}`)
  }
  const parts = {
    publisher,
    results,
    followUps,
    sentChildren,
    endedAside,
    declarations: { deadLetters: () => false },
    delays,
    clock,
    flags,
    onAgain,
    onAckLost,
    onAcknowledged,
    giveBack,
    onSuspectLost: giveBack,
  }
  const ends: Outcome[] = []
  const onSettled = (_request: unknown, end: Outcome) => void ends.push(end)
  await new Promise<void>((resolve, reject) =>
    settle(
      request,
      outcome,
      { ...parts, onSettled },
      { settled: () => resolve(), unsettled: (_request, _outcome, error) => reject(error) },
    ),
  )
  const [end] = ends
  return { journal, records, end }
}

const success: Outcome = { kind: 'succeeded', result: 4, runtime: 1 }
const failure: Outcome = {
  kind: 'failed',
  error: { type: 'ValueError', module: 'builtins', args: ['boom'], traceback: null },
  runtime: 1,
}
const signature = (task: string, id: string): Json => ({ task, options: { task_id: id } })

describe('settling', () => {
  it('has what follows confirmed before the result is stored, and that before the ack', async () => {
    const { journal, records } = await settled(
      { callbacks: [signature('a', 'a-id')], chain: [signature('b', 'b-id')] },
      success,
    )
    expect(journal).toEqual(['confirmed a', 'confirmed b', 'stored SUCCESS of own', 'acked'])
    expect(records[0]?.children).toEqual([[['a-id', null], null], [['b-id', null], null]]) // biome-ignore format: two tuples
  })

  it('has the result stored before the ack where nothing else follows', async () => {
    const { journal, end } = await settled({}, success)
    expect(journal).toEqual(['stored SUCCESS of own', 'acked'])
    expect(end).toBe(success)
  })

  it('acknowledges no success whose result is not stored', async () => {
    const unstorable = new TwqError('TWQ_RESULT_BACKEND', 'the result backend is away')
    await expect(settled({}, success, { unstorable })).rejects.toMatchObject({ code: 'TWQ_RESULT_BACKEND' })
  })

  it('fails a task whose result will never be stored', async () => {
    const unstorable = new TwqError('TWQ_RESULT_REFUSED', 'the result is too large')
    const { journal, records, end } = await settled({}, success, { unstorable })
    expect(journal).toEqual(['stored FAILURE of own', 'acked'])
    expect(records[0]).toMatchObject({ error: { type: 'EncodeError' } })
    expect(end?.kind).toBe('failed')
  })

  it('acknowledges a task that was revoked before it started, also where it acknowledges early', async () => {
    const { journal } = await settled({}, { kind: 'revoked', reason: 'revoked' }, { acks: 'early' })
    expect(journal).toEqual(['stored REVOKED of own', 'acked'])
  })

  it('calls the errbacks of a failed task and tells those who wait for the rest of its chain', async () => {
    const embed = {
      errbacks: [signature('e', 'e-id')],
      chain: [signature('b', 'b-id')],
      callbacks: [signature('a', 'a-id')],
    }
    const { journal } = await settled(embed, failure)
    expect(journal).toEqual(['confirmed e', 'stored FAILURE of b-id', 'stored FAILURE of own', 'acked'])
  })

  it('tells those who wait for the rest of the chain of a revoked task, and calls no errbacks', async () => {
    const embed = { errbacks: [signature('e', 'e-id')], chain: [signature('b', 'b-id')] }
    const { journal } = await settled(embed, { kind: 'revoked', reason: 'expired' })
    expect(journal).toEqual(['stored REVOKED of b-id', 'stored REVOKED of own', 'acked'])
  })

  it.each<[string, Outcome, string[]]>([
    [
      'is retried',
      { kind: 'retry', at: 1, error: null },
      ['stored RETRY of own', 'told of retry', 'confirmed add', 'acked'],
    ],
    ['is ignored', { kind: 'ignored' }, ['acked']],
    ['goes back to its queue', { kind: 'interrupted' }, ['told of interrupted', 'given back']],
  ])('starts nothing after a task that %s', async (_title, outcome, expected) => {
    const embed = {
      callbacks: [signature('a', 'a-id')],
      errbacks: [signature('e', 'e-id')],
      chain: [signature('b', 'b-id')],
    }
    expect((await settled(embed, outcome)).journal).toEqual(expected)
  })

  it('has the copy of a failed message confirmed before its result is stored, and that before the ack', async () => {
    const failures = { keep: 10, bytes: 1e6, for: 60_000, drop: [] }
    const embed = { errbacks: [signature('e', 'e-id')] }
    const { journal } = await settled(embed, failure, { failures })
    expect(journal).toEqual(['confirmed e', 'kept whole', 'stored FAILURE of own', 'acked'])
  })

  it('fails a task whose callback is none', async () => {
    const { journal, records, end } = await settled({ callbacks: [5], chain: [signature('b', 'b-id')] }, success)
    expect(journal).toEqual(['stored FAILURE of b-id', 'stored FAILURE of own', 'acked'])
    expect(records[1]).toMatchObject({ error: { type: 'InvalidTaskError' }, children: [] })
    expect(end?.kind).toBe('failed')
  })

  it('acknowledges nothing when it can not be known whether what follows is safe', async () => {
    const publish = () => {
      throw new TwqError('TWQ_CLOSED', 'the publisher was closed')
    }
    const attempt = settled({ callbacks: [signature('a', 'a-id')] }, success, { publish })
    await expect(attempt).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })

  it('fails a task whose callback the broker refuses', async () => {
    const publish = () => {
      throw new TwqError('TWQ_PUBLISH_REFUSED', 'the queue is full')
    }
    const { journal, records } = await settled({ callbacks: [signature('a', 'a-id')] }, success, { publish })
    expect(journal).toEqual(['stored FAILURE of own', 'acked'])
    expect(records[0]).toMatchObject({ error: { type: 'OperationalError' } })
  })

  it('has monitors told that a task goes back before it can run again', async () => {
    const error = { type: 'Reject', module: 'celery.exceptions', args: ['no', true], traceback: null }
    const { journal } = await settled({}, { kind: 'rejected', requeue: true, error })
    expect(journal).toEqual(['told of rejected', 'given back'])
  })

  it('acknowledges nothing while the broker refuses the retry of a task', async () => {
    const publish = () => {
      throw new TwqError('TWQ_PUBLISH_REFUSED', 'the queue is full')
    }
    const attempt = settled({}, { kind: 'retry', at: 1, error: null }, { publish })
    await expect(attempt).rejects.toMatchObject({ code: 'TWQ_PUBLISH_REFUSED' })
  })

  it('fails a task whose retry the broker refuses when its message is acknowledged already', async () => {
    const publish = () => {
      throw new TwqError('TWQ_PUBLISH_REFUSED', 'the queue is full')
    }
    const embed = { chain: [signature('b', 'b-id')] }
    const retry: Outcome = { kind: 'retry', at: 1, error: null }
    const { journal, records, end } = await settled(embed, retry, { publish, acks: 'early' })
    expect(journal).toEqual(['stored RETRY of own', 'told of retry', 'stored FAILURE of b-id', 'stored FAILURE of own'])
    expect(records.at(-1)).toMatchObject({
      error: { type: 'OperationalError', args: ['the retry of this task could not be sent: the queue is full'] },
    })
    expect(end?.kind).toBe('failed')
  })

  it('publishes to a queue that it may not declare', async () => {
    const declare = () => Promise.reject(new TwqError('TWQ_CHANNEL_CLOSED', 'cannot obtain access to locked queue'))
    const { journal } = await settled({ callbacks: [signature('a', 'a-id')] }, success, { declare })
    expect(journal).toEqual(['confirmed a', 'stored SUCCESS of own', 'acked'])
  })

  it('counts a member of a chord once its result is stored', async () => {
    const { journal } = await settled({ chord: signature('body', 'body-id') }, success, {
      chord: true,
      group: 'header',
    })
    expect(journal).toEqual(['stored SUCCESS of own', 'counted SUCCESS', 'acked'])
  })

  it('runs a member of a chord that nobody here can join', async () => {
    const { journal } = await settled({ chord: signature('body', 'body-id') }, success)
    expect(journal).toEqual(['stored SUCCESS of own', 'acked'])
  })
})
