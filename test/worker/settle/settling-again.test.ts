import { describe, expect, it } from 'vitest'
import { oversizeError } from '../../../src/broker/message-size.ts'
import { TwqError } from '../../../src/errors.ts'
import { readQuarantineFacts } from '../../../src/protocol/headers/quarantine.ts'
import type { Outcome } from '../../../src/tasks/attempt/outcome.ts'
import { error, type Shape, settleOneTask, signature } from '../../support/settling-scene.ts'

// A task runs once, whatever step of settling fails, in whatever way, and however often.

const CHORD = { chord: signature('body', { link_error: [signature('body-errback')] }) }

const success: Outcome = { kind: 'succeeded', result: 4, runtime: 1 }
const failed: Outcome = { kind: 'failed', error, runtime: 1 }

/** Shapes of settlements, and the steps that each consists of, in their order. */
const SHAPES: Readonly<Record<string, Shape & { readonly steps: readonly string[] }>> = {
  'a task with nothing after it': { outcome: success, steps: ['store SUCCESS of own'] },
  'a task with callbacks, in a chain': {
    outcome: success,
    embed: { callbacks: [signature('a'), signature('a2')], chain: [signature('b')] },
    steps: ['publish a', 'publish a2', 'publish b', 'store SUCCESS of own'],
  },
  'a task that a chord follows': {
    outcome: success,
    embed: {
      chain: [
        {
          task: 'celery.chord',
          subtask_type: 'chord',
          args: [],
          options: { task_id: 'x' },
          kwargs: { header: [signature('h')], body: signature('y') },
        },
      ],
    },
    steps: ['begin', 'publish h', 'store SUCCESS of own'],
  },
  'a task that failed': {
    outcome: failed,
    embed: { errbacks: [signature('e'), signature('e2')], chain: [signature('c'), signature('b')] },
    steps: ['publish e', 'publish e2', 'store FAILURE of c-id', 'store FAILURE of b-id', 'store FAILURE of own'],
  },
  'a failed task whose message is to be kept': {
    outcome: failed,
    ackOnFailure: false,
    steps: ['store FAILURE of own', 'publish kept'],
  },
  'a failed task of which a copy is kept': {
    outcome: failed,
    failures: { keep: 10, bytes: 1e6, for: 60_000, drop: [] },
    steps: ['publish kept', 'store FAILURE of own'],
  },
  'a task that ran out of time': {
    outcome: { kind: 'timed-out', limit: 1, error },
    steps: ['store FAILURE of own'],
  },
  'a task that was revoked': { outcome: { kind: 'revoked', reason: 'expired' }, steps: ['store REVOKED of own'] },
  'a task that is to run again': {
    outcome: { kind: 'retry', at: 1, error },
    steps: ['store RETRY of own', 'publish add'],
  },
  'a task that replaced itself': {
    outcome: { kind: 'replaced', signature: signature('stand-in') },
    steps: ['publish stand-in'],
  },
  'the first task of a chord': {
    outcome: success,
    embed: CHORD,
    chordEnds: 'waiting',
    steps: ['store SUCCESS of own', 'count', 'publish more', 'mark', 'forget additions'],
  },
  'the last task of a chord': {
    outcome: success,
    embed: CHORD,
    chordEnds: 'succeeds',
    steps: ['store SUCCESS of own', 'count', 'publish body', 'forget', 'forget additions'],
  },
  'the last task of a chord that fails': {
    outcome: success,
    embed: CHORD,
    chordEnds: 'fails',
    steps: ['store SUCCESS of own', 'count', 'publish body-errback', 'store FAILURE of body-id', 'forget additions'],
  },
}

type Kind = 'away' | 'passing' | 'permanent'

/** How a step may fail: with what, and whether that passes by itself. */
const FAILURES: readonly (readonly [title: string, kind: Kind, error: () => Error])[] = [
  ['its connection is lost', 'away', () => new TwqError('TWQ_CONNECTION_LOST', 'lost')],
  ['it takes too long', 'away', () => new TwqError('TWQ_PUBLISH_TIMEOUT', 'late')],
  ['the result backend is away', 'away', () => new TwqError('TWQ_RESULT_BACKEND', 'away')],
  [
    'this user may not publish',
    'away',
    () => new TwqError('TWQ_BROKER_PERMISSION', "access to exchange 'amq.default' in vhost '/' refused for user 'x'"),
  ],
  ['it is refused', 'passing', () => new TwqError('TWQ_PUBLISH_REFUSED', 'the queue is full')],
  ['we have a defect', 'passing', () => new TypeError('not thought of')],
  ['it is too large', 'permanent', () => oversizeError({ size: 2, limit: 1 })],
  ['it can not be written', 'permanent', () => new TwqError('TWQ_UNSERIALISABLE', 'headers of 70000 bytes')],
  ['it is refused for good', 'permanent', () => new TwqError('TWQ_RESULT_REFUSED', 'WRONGTYPE')],
]

const never = { step: '', times: 0, error: () => new Error() }
const cases = Object.entries(SHAPES).flatMap(([title, shape]) =>
  shape.steps.map((step) => [title, step, shape] as const),
)

describe('a task runs once, its message is acknowledged once, and nothing that was done is done again', () => {
  it.each(Object.entries(SHAPES))('when nothing fails: %s', async (_title, shape) => {
    const { did, runs, settlement } = await settleOneTask(shape, never)
    expect(did.filter((step) => step !== 'told')).toEqual(shape.steps)
    expect({ runs, settlement }).toEqual({ runs: 1, settlement: 'acked' })
  })

  describe.each(FAILURES)('when %s', (_why, kind, cause) => {
    it.each(cases)('in %s: %s', async (_title, step, shape) => {
      for (const times of kind === 'away' ? [1, 20] : [1, Number.POSITIVE_INFINITY]) {
        const { did, runs, settlement, nacked, unfinished, ends, kept } = await settleOneTask(shape, {
          step,
          times,
          error: cause,
        })
        // What can never be kept, and has to be, stays in hand; all else ends.
        const stuck = step === 'publish kept' && shape.ackOnFailure === false && times === Number.POSITIVE_INFINITY
        expect({ runs, nacked, unfinished, kept: kept.size }).toEqual({
          runs: 1,
          nacked: [],
          unfinished: stuck ? 1 : 0,
          kept: stuck ? 1 : 0,
        })
        expect(settlement).toBe(stuck ? 'none' : 'acked')
        expect(did.toSorted()).toEqual([...new Set(did)].toSorted())
        if (kind !== 'away') continue
        expect(did.filter((one) => one !== 'told').toSorted()).toEqual(shape.steps.toSorted())
        expect(ends).toEqual([shape.outcome])
      }
    })
  })
})

const forever = Number.POSITIVE_INFINITY
const RETRY: Shape = { outcome: { kind: 'retry', at: 1, error } }

describe('what can not be settled ends', () => {
  it('as a failure that is stored, where the result is too large, and its message is acknowledged', async () => {
    const cause = () => oversizeError({ size: 20, limit: 10 })
    const { did, records } = await settleOneTask(
      { outcome: success },
      { step: 'store SUCCESS of own', times: forever, error: cause },
    )
    expect(did).toEqual(['store FAILURE of own'])
    const text =
      "the task's result can't be sent: a message of 20 bytes is larger than the 10 bytes that the broker takes"
    expect(records).toMatchObject([{ state: 'FAILURE', error: { type: 'EncodeError', args: [text] } }])
  })

  it('calling the errbacks, and telling nobody that a next step which is under way will not run', async () => {
    const embed = { errbacks: [signature('e')], chain: [signature('b')] }
    const cause = () => oversizeError({ size: 20, limit: 10 })
    const { did } = await settleOneTask(
      { outcome: success, embed },
      { step: 'store SUCCESS of own', times: forever, error: cause },
    )
    expect(did).toEqual(['publish b', 'publish e', 'store FAILURE of own'])
  })

  it.each([
    ['at once, where its retry can not be written', 'TWQ_UNSERIALISABLE', 0],
    ['after a while, where its retry is refused', 'TWQ_PUBLISH_REFUSED', 60_000],
  ] as const)('as a failure that is stored, and its message is kept: %s', async (_title, code, after) => {
    const { did, records, clock, endedAt } = await settleOneTask(RETRY, {
      step: 'publish add',
      times: forever,
      error: () => new TwqError(code, 'no'),
    })
    expect(did).toEqual(['store RETRY of own', 'told', 'store FAILURE of own', 'publish kept'])
    expect(records.at(-1)).toMatchObject({ error: { args: [expect.stringContaining('no')] } })
    expect(endedAt).toBeGreaterThanOrEqual(after)
    expect(endedAt).toBeLessThan(after + 15_000)
    expect(clock.monotonic()).toBe(300_000)
  })

  it('with its message kept with the outcome, where not even a failure can be stored', async () => {
    const cause = () => new TwqError('TWQ_PUBLISH_REFUSED', 'the queue is full')
    const { did, keptCopy, ends } = await settleOneTask(
      { outcome: success },
      { step: /^store/, times: forever, error: cause },
    )
    expect(did).toEqual(['publish kept'])
    expect(readQuarantineFacts(keptCopy?.message.headers ?? {})).toMatchObject({
      reason: 'BackendStoreError',
      detail: "the task ended (succeeded), and what follows from that can't be settled: the queue is full",
    })
    expect(ends).toMatchObject([{ kind: 'failed', error: { type: 'BackendStoreError' } }])
  })
})

describe('nothing new is taken', () => {
  it.each([
    [
      'while this user may not publish',
      "access to exchange 'amq.default' in vhost '/' refused",
      'TWQ_BROKER_PERMISSION',
      3,
    ],
    ['while the result backend is away for longer than its patience', 'away', 'TWQ_RESULT_BACKEND', 3],
    ['while the broker is away for longer than that', 'lost', 'TWQ_CONNECTION_LOST', 100],
  ] as const)('%s, and then it is again', async (_title, text, code, times) => {
    const cause = () => new TwqError(code, text)
    const { halts, settlement } = await settleOneTask(
      { outcome: success },
      { step: 'store SUCCESS of own', times, error: cause },
    )
    expect(halts).toEqual([true, false])
    expect(settlement).toBe('acked')
  })

  it.each([
    ['a connection is lost for a moment', 'TWQ_CONNECTION_LOST', 3],
    ['one message is refused', 'TWQ_PUBLISH_REFUSED', forever],
    ['one can not be written', 'TWQ_UNSERIALISABLE', forever],
  ] as const)('for longer than it has to: not where %s', async (_title, code, times) => {
    const { halts } = await settleOneTask(
      { outcome: success },
      { step: 'store SUCCESS of own', times, error: () => new TwqError(code, 'no') },
    )
    expect(halts).toEqual([])
  })
})
