import type { KeptFailures } from '../../src/config/options/failures.ts'
import type { Pool } from '../../src/pool/pool.ts'
import type { KeptAddition } from '../../src/protocol/chord/chord.ts'
import type { ResultRecord } from '../../src/protocol/result-record.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import type { Outgoing } from '../../src/protocol/wire.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import type { Json } from '../../src/runtime/json.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { createRouter } from '../../src/sending/router.ts'
import type { Outcome } from '../../src/tasks/attempt/outcome.ts'
import { FollowUpPublisher } from '../../src/worker/follow-ups/follow-up-publisher.ts'
import { FollowUps } from '../../src/worker/follow-ups/follow-ups.ts'
import { Moments } from '../../src/worker/request/moments.ts'
import type { Request } from '../../src/worker/request/request.ts'
import { RequestTable } from '../../src/worker/request/request-table.ts'
import { SentChildren } from '../../src/worker/request/sent-children.ts'
import { Dispatcher } from '../../src/worker/run/dispatcher.ts'
import { EndedAside } from '../../src/worker/settle/ended-aside.ts'
import { FailedMessages } from '../../src/worker/settle/failed-messages.ts'
import { KeptOutcomes } from '../../src/worker/settle/kept-outcomes.ts'
import { settle } from '../../src/worker/settle/settle.ts'
import { endUnsettled, settleInSteps } from '../../src/worker/settle/settle-in-steps.ts'
import { aRequest, type RecordedDelivery } from './a-request.ts'
import { aSilentLogger } from './attempts.ts'
import { headersOf, postBy } from './posted.ts'

/** What is settled. */
export interface Shape {
  readonly outcome: Outcome
  readonly embed?: Partial<TaskMessage['embed']>
  /** How the chord of the task is once it has ended. */
  readonly chordEnds?: 'waiting' | 'succeeds' | 'fails'
  readonly ackOnFailure?: false
  readonly failures?: KeptFailures
}

/** A signature of a task whose id says which. */
export const signature = (task: string, options: object = {}): Json => ({
  task,
  options: { task_id: `${task}-id`, ...options },
})

/** What a task failed with. */
export const error = { type: 'ValueError', module: 'builtins', args: ['boom'], traceback: null }

/**
 * Runs a task once, and settles it in five minutes of a clock moved by hand. The broker and the result backend are stood for
 * by what writes down each call, and fails those of one name `times` times.
 */
export async function settleOneTask(
  shape: Shape,
  failing: { readonly step: string | RegExp; readonly times: number; readonly error: () => Error },
) {
  const clock = new ManualClock()
  const logger = aSilentLogger()
  const did: string[] = []
  let keptCopy: Outgoing | undefined
  let endedAt: number | undefined
  let left = failing.times
  const call = async (step: string): Promise<void> => {
    await Promise.resolve()
    const { step: which } = failing
    if ((typeof which === 'string' ? step === which : which.test(step)) && left > 0) {
      left -= 1
      throw failing.error()
    }
    did.push(step)
  }
  const publish = async ({ route, message }: Outgoing): Promise<'confirmed'> => {
    const isKept = route.routingKey.endsWith('.failed')
    await call(`publish ${isKept ? 'kept' : message.headers.task}`)
    if (isKept) keptCopy = { route, message: { ...message, headers: headersOf(message) } }
    return 'confirmed'
  }
  const publisher = { outstanding: 0, bytes: 0, publish, post: postBy(publish) }
  const records: ResultRecord[] = []
  const more: KeptAddition = { call: 'more', signature: signature('more'), sent: false }
  const body: ResultRecord =
    shape.chordEnds === 'fails'
      ? { taskId: 'other', state: 'FAILURE', error, traceback: null, children: [] }
      : { taskId: 'other', state: 'SUCCESS', result: 1, traceback: null, children: [] }
  const results: ResultBackend = {
    kind: 'redis',
    async store(record, { id }) {
      await call(`store ${record.state} of ${id}`)
      records.push(record)
      return 'stored'
    },
    chord: {
      begin: () => call('begin'),
      async partEnded({ record }) {
        await call('count')
        const additions = [shape.chordEnds === 'waiting' ? more : { ...more, sent: true }]
        return { all: shape.chordEnds === 'waiting' ? undefined : { parts: [record, body], shape: null }, additions }
      },
      grow: async () => more,
      additionSent: () => call('mark'),
      forgetAdditions: () => call('forget additions'),
      forget: () => call('forget'),
    },
  }
  const sentChildren = new SentChildren()
  const followUps = new FollowUps({
    publisher: new FollowUpPublisher(
      publisher,
      { has: () => true, declare: async () => {}, forget: () => {} },
      { publish: async () => false },
    ),
    results,
    sentChildren,
    clock,
    logger,
    origin: 'gen1@here',
    address: createRouter({ defaultQueue: 'celery' }).address,
  })
  const nacked: Request[] = []
  const ends: Outcome[] = []
  const parts = {
    publisher,
    results,
    followUps,
    sentChildren,
    endedAside: new EndedAside({
      failed: new FailedMessages({
        failures: shape.failures ?? 'drop',
        registry: { get: () => undefined },
        publisher,
        clock,
        logger,
        node: 'twq@test',
        declare: async () => {},
        count: async () => 0,
        limits: async () => ({ keep: 1_000, bytes: 1_000_000 }),
        onKept: () => {},
      }),
      // Where messages wait is another test's matter: what fails is tried again with the outcome.
      aside: { settle: ({ settle }) => settle() },
      finished: { addUnquarantined: () => {}, quarantined: () => {} },
    }),
    declarations: { deadLetters: () => false },
    delays: { retry: async () => false },
    clock,
    flags: { ackOnFailure: shape.ackOnFailure ?? true, ackOnTimeout: true, rejectOnLost: true },
    onAgain: () => void did.push('told'),
    onSettled: (_request: Request, end: Outcome) => void ends.push(end),
    onAckLost: () => void did.push('ack lost'),
    onAcknowledged: () => {},
    giveBack: async (requests: readonly Request[]) => void nacked.push(...requests),
    onSuspectLost: async () => {},
  }
  const halts: boolean[] = []
  const kept = new KeptOutcomes({
    settle: async (request, outcome) => void ends.push(await settleInSteps(request, outcome, parts)),
    end: async (request, outcome, unsettled) => void ends.push(await endUnsettled(request, outcome, unsettled, parts)),
    patience: 60_000,
    underway: () => 0,
    moments: { halted: () => halts.push(true), resumed: () => halts.push(false) },
    clock,
    logger,
  })
  let runs = 0
  const pool: Pick<Pool, 'run'> = {
    async run() {
      runs += 1
      return shape.outcome
    },
  }
  const table = new RequestTable()
  const dispatcher = new Dispatcher({
    pool: pool as Pool,
    concurrency: 1,
    settlingLimit: 10,
    table,
    clock,
    logger,
    attempts: {
      refuse: () => undefined,
      started: () => {},
      storeState: async () => {},
      addToChord: async () => '',
      settle: (request, outcome, listener) => settle(request, outcome, parts, listener),
    },
    moments: new Moments(),
    twins: { divert: () => false },
    kept,
    giveBack: parts.giveBack,
  })
  const none = { callbacks: null, errbacks: null, chain: null, chord: null }
  const request = aRequest(
    { id: 'own', group: 'header', embed: { ...none, ...shape.embed } },
    { headers: { task: 'add' } },
  )
  table.add(request)
  void table.over(request).then(() => {
    endedAt = clock.monotonic()
  })
  dispatcher.submit(request)
  await clock.pass('5m')
  const { settlement } = request.delivery as RecordedDelivery
  return {
    did,
    keptCopy,
    endedAt,
    records,
    ends,
    runs,
    settlement,
    nacked,
    halts,
    unfinished: dispatcher.unfinished,
    kept,
    clock,
  }
}
