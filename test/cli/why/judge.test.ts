import { describe, expect, it } from 'vitest'
import type { AsideEvidence, Evidence, QueueEvidence } from '../../../src/cli/why/evidence.ts'
import { judge } from '../../../src/cli/why/judge.ts'
import { statementLines, unseenSources } from '../../../src/cli/why/report.ts'
import type { ResultRecord } from '../../../src/protocol/result-record.ts'
import { anEvidence, aTaskSeen, aWorkerSeen, seen, unseen } from './an-evidence.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')

function queue(messages: number, consumers: number, differs: Partial<QueueEvidence> = {}): Evidence['queues'] {
  const status = { name: 'celery', messages, consumers }
  return seen([{ name: 'celery', status, down: undefined, suspects: 0, ...differs }])
}

function record(fields: object): Evidence['result'] {
  return seen({ taskId: 'x-1', traceback: null, children: [], ...fields } as unknown as ResultRecord)
}

const busy = aTaskSeen({ id: 'other', startedAt: new Date(NOW - 90_000) })
const named = {
  asked: { id: undefined, name: 'add' },
  route: seen({ queue: 'celery', exchange: '', routingKey: 'celery' }),
}

describe('the statements about a task', () => {
  it.each<[string, Partial<Evidence>, string, string, RegExp]>([
    [
      'runs',
      {
        workers: seen([
          aWorkerSeen({
            found: { state: 'active', task: aTaskSeen({ startedAt: new Date(NOW - 5_000) }), waitsFor: undefined },
          }),
        ]),
      },
      'runs',
      'certain',
      /w1@host runs it, for 5\.0 s so far/,
    ],
    [
      'is prefetched',
      {
        workers: seen([
          aWorkerSeen({ active: [busy], found: { state: 'reserved', task: aTaskSeen(), waitsFor: 'slot' } }),
        ]),
      },
      'waits-for-slot',
      'certain',
      /w1@host, which has 1 slot; add\[other\] for 1 min 30 s/,
    ],
    [
      'has ended and is not settled',
      { workers: seen([aWorkerSeen({ found: { state: 'active', task: aTaskSeen(), waitsFor: 'settlement' } })]) },
      'settling',
      'certain',
      /could not yet store its result/,
    ],
    [
      'waits for its ETA',
      { workers: seen([aWorkerSeen({ ours: false, due: { task: aTaskSeen(), eta: new Date(NOW + 3_600_000) } })]) },
      'waits-for-eta',
      'certain',
      /holds it until 2030-01-01T01:00:00\.000Z, in 1 h 0 min$/,
    ],
    [
      'waits for a retry that no worker holds',
      { result: record({ state: 'RETRY', error: { type: 'OSError', module: null, args: ['away'], traceback: null } }) },
      'waits-for-retry',
      'certain',
      /it is to run again: OSError: away/,
    ],
    [
      'is in a queue that is down',
      { queues: queue(0, 0, { status: undefined, down: 'its node is away' }) },
      'queue-down',
      'certain',
      /can't be reached/,
    ],
    [
      'may be with a worker that does not answer',
      { queues: queue(3, 1) },
      'silent-consumer',
      'candidate',
      /whose consumers answer no remote control/,
    ],
    [
      'may be held by a Python worker for its rate limit',
      {
        asked: { id: 'x-1', name: 'add' },
        workers: seen([aWorkerSeen({ ours: false, tasks: new Map([['add', '1/m']]) })]),
        queues: queue(0, 1),
      },
      'rate-limited',
      'candidate',
      /a worker in Python does not tell of such tasks/,
    ],
    [
      'may wait where workers could not be asked',
      { workers: unseen('TWQ_BROKER_PERMISSION'), queues: queue(3, 1) },
      'waits-in-queue',
      'candidate',
      /it may wait in celery, which has consumers/,
    ],
    ['may be delayed', { delayed: seen(2) }, 'delayed', 'candidate', /queues of delayed delivery/],
    [
      'can not be looked for in a quarantine as a whole',
      {
        aside: [
          {
            queue: 'celery',
            name: 'celery.quarantine',
            look: seen({ kind: 'quarantined', name: 'celery.quarantine', found: [], looked: 1_000, unseen: 7 }),
          },
        ],
      },
      'over-or-never-sent',
      'candidate',
      /or was never sent/,
    ],
  ])('that %s', (_title, differs, kind, certainty, sentence) => {
    const said = judge(anEvidence(differs)).find((one) => one.kind === kind)
    expect(said).toMatchObject({ certainty })
    expect(said?.sentence).toMatch(sentence)
  })

  it('begin with what is certain', () => {
    const kinds = judge(anEvidence({ delayed: seen(1) })).map(({ certainty }) => certainty)
    expect(kinds).toEqual([...kinds].sort().reverse())
  })

  it('take an empty queue for no proof where the broker did not answer for what lies beside it', () => {
    const beside = (look: AsideEvidence['look']) => [{ queue: 'celery', name: 'celery.failed', look }]
    const certaintyWith = (aside: AsideEvidence[]) =>
      judge(anEvidence({ aside })).find(({ kind }) => kind === 'not-waiting')?.certainty
    const silence = { kind: 'unseen', code: undefined, why: 'no answer within 3000 ms' } as const
    expect(certaintyWith(beside(silence))).toBe('candidate')
    expect(certaintyWith(beside(unseen('TWQ_BROKER_PERMISSION')))).toBe('certain')
    expect(certaintyWith([])).toBe('certain')
  })

  it('name no queue where a worker has it in hand', () => {
    const found = { state: 'active', task: aTaskSeen(), waitsFor: undefined } as const
    const said = judge(anEvidence({ workers: seen([aWorkerSeen({ found })]), queues: queue(9, 0) }))
    expect(said.map(({ kind }) => kind)).toEqual(['runs'])
  })

  it('say of a broker that can not be asked nothing about its queues', () => {
    const broker = unseen('TWQ_BROKER_UNREACHABLE', 'it is away')
    const evidence = anEvidence({ broker, workers: broker, queues: broker, delayed: broker })
    expect(judge(evidence).map(({ kind }) => kind)).toEqual(['broker-unreachable'])
    expect(unseenSources(evidence)).toEqual([{ source: 'broker', why: 'it is away' }])
  })

  it('are told with each source that could not be asked', () => {
    const evidence = anEvidence({
      result: unseen('TWQ_RESULT_BACKEND', 'no Redis'),
      workers: seen([aWorkerSeen({ silentOn: ['query_task'] })]),
      aside: [{ queue: 'celery', name: 'celery.failed', look: unseen('TWQ_BROKER_PERMISSION', 'may not read') }],
    })
    expect(unseenSources(evidence)).toEqual([
      { source: 'queue celery.failed', why: 'may not read' },
      { source: 'results', why: 'no Redis' },
      { source: 'worker w1@host', why: 'it did not answer query_task' },
    ])
  })
})

describe('the statements about a name', () => {
  it('say where such tasks go, who has it, and that nothing is in the way', () => {
    const said = judge(anEvidence({ ...named, workers: seen([aWorkerSeen()]), queues: queue(0, 1) }))
    expect(said.map(({ kind, certainty }) => [kind, certainty])).toEqual([
      ['goes-to', 'certain'],
      ['registered', 'certain'],
      ['clear', 'candidate'],
    ])
  })

  it('say for certain that no consumer is there, and by whom it may be taken up', () => {
    const elsewhere = aWorkerSeen({ queues: [{ name: 'other', singleActiveConsumer: false }] })
    const said = judge(anEvidence({ ...named, workers: seen([elsewhere]), queues: queue(4, 0) }))
    expect(said.find(({ kind }) => kind === 'no-consumer')).toMatchObject({
      certainty: 'certain',
      evidence: ['4 messages ready in celery, and no consumer', 'consumed by none of w1@host, which answer'],
      command: 'twq worker resume celery   (or: twq worker start -Q celery)',
    })
    expect(said.some(({ kind }) => kind === 'clear')).toBe(false)
  })

  it('do not say that nothing is in the way of tasks that wait behind others', () => {
    const said = judge(anEvidence({ ...named, workers: seen([aWorkerSeen({ active: [busy] })]), queues: queue(3, 1) }))
    expect(said.map(({ kind }) => kind)).toEqual(['goes-to', 'registered', 'queue-full'])
  })

  it('say that what no worker has registered may be an id', () => {
    const asked = { id: undefined, name: 'order-17' }
    const said = judge(anEvidence({ ...named, asked, workers: seen([aWorkerSeen()]), queues: queue(0, 1) }))
    expect(said.map(({ kind }) => kind)).toEqual(['goes-to', 'unknown-task', 'perhaps-an-id'])
  })

  it('say that it was taken as a name where no worker answers, or the broker is away', () => {
    const asked = { id: undefined, name: 'order-17' }
    const none = judge(anEvidence({ ...named, asked, workers: seen([]), queues: queue(0, 0) }))
    expect(none).toContainEqual(
      expect.objectContaining({
        kind: 'perhaps-an-id',
        sentence: expect.stringContaining('order-17 is taken as the name of a task'),
        command: 'twq task why order-17 --task <its name>',
      }),
    )
    const away = unseen('nothing listens')
    const said = judge(anEvidence({ ...named, asked, broker: away, workers: away, queues: away }))
    expect(said.map(({ kind }) => kind)).toContain('perhaps-an-id')
  })

  it('name the workers of its queue that do not have it', () => {
    const two = [aWorkerSeen(), aWorkerSeen({ node: 'w2@host', tasks: new Map() })]
    const said = judge(anEvidence({ ...named, workers: seen(two), queues: queue(0, 2) }))
    expect(said.find(({ kind }) => kind === 'unknown-task')).toMatchObject({
      certainty: 'candidate',
      sentence: expect.stringMatching(/^w2@host consume celery and do not have the task add/),
    })
  })
})

it('quotes what is pasted into a shell, and shows no control characters', () => {
  const name = "a'b; rm -rf\u001b[2J"
  const status = { name, messages: 1, consumers: 0 }
  const lines = statementLines(judge(anEvidence({ queues: seen([{ name, status, down: undefined, suspects: 0 }]) })))
  expect(lines).toContain(`twq worker start -Q 'a'\\''b; rm -rf\\u001b[2J'`)
  expect(lines).not.toContain('\u001b[2J')
})
