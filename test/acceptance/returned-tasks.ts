import { randomUUID } from 'node:crypto'
import { celeryMessage, type Publishable } from '../support/celery-message.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { Ledger } from '../support/ledger.ts'
import { pollUntil } from '../support/until.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { attribute, type Fault, type Run } from './chaos/duplicates.ts'
import { type Answer, observe } from './observer.ts'
import { declareTyped, publishAll } from './poison-task.ts'
import { fresh, messagesIn, type Scene, startWorker, untilDrained } from './scene.ts'

/** What became of tasks that waited in workers which lost them again and again. */
export interface ReturnedReport {
  readonly sent: number
  /** Ids of those without the result that they must have. */
  readonly lost: readonly string[]
  /** How many starts there must be, and how many there were beyond them. */
  readonly expectedStarts: number
  readonly extraStarts: number
  /** Attempts with a further start that no kill and no cut explains. */
  readonly unexplained: readonly string[]
  /** How many tasks were in flight at each kill and cut, the fewest. */
  readonly fewest: number
  /** Reasons of what is in quarantine. */
  readonly quarantined: readonly string[]
  /** Messages in the queue and in that of its suspects at the end. */
  readonly left: number
  /** Milliseconds from the first kill to the last result. */
  readonly lasted: number
}

const EACH = 60
const ETA_AFTER = [60_000, 150_000]
/** How often a task is tried again, and how many milliseconds later each time. */
const RETRIES = [
  [2, 45_000],
  [9, 10_000],
] as const
const PATIENCE = 300_000

/**
 * Tasks wait for their rate limit, their eta or a retry, all of them in the worker, while it is killed `rounds` times and
 * loses its connections as often: each time once it has the messages again.
 */
export async function returnAgainAndAgain(
  scene: Pick<Scene, 'url' | 'folder'>,
  { type, rounds }: { readonly type: 'quorum' | 'default'; readonly rounds: number },
): Promise<ReturnedReport> {
  await using proxy = await FaultProxy.before(scene.url)
  const queue = `returned-${randomUUID()}`
  if (type === 'quorum') await declareTyped(scene.url, queue, type)
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const start = (rateLimit: string): Promise<WorkerProcess> =>
    startWorker(
      { ...scene, url: proxy.through(scene.url) },
      {
        queue,
        ledger: ledger.path,
        flags: ['--hostname', 'worker@returned', '--loglevel', 'debug'],
        env: { TWQ_DELAYED_DELIVERY: 'never', RATE_LIMIT: rateLimit },
      },
    )
  let worker = await start('6/m')
  try {
    const replies = `${queue}-replies`
    await using seen = await observe(scene.url, { queue, replies })
    const { messages, expected } = tasksOf(replies)
    await publishAll(scene.url, queue, messages)
    const unfinished = (): string[] => messages.map(({ id }) => id).filter((id) => !isDone(id, seen.answers.get(id)))
    const holding = async (known: number): Promise<void> => {
      if (unfinished().length > 0) await worker.until('task.received', known + 1)
      await pollUntil(
        'messages in the queue',
        () => messagesIn(scene.url, queue),
        (ready) => ready === 0,
      )
    }
    const faults: Fault[] = []
    let fewest = messages.length
    const strike = async (name: string, act: () => Promise<void> | void): Promise<void> => {
      fewest = Math.min(fewest, unfinished().length)
      const from = Date.now()
      await act()
      const strikes = [{ workers: ['worker'], from, to: Date.now(), unnoticed: false }]
      faults.push({ name, begin: from, strikes })
    }
    await holding(0)
    const begun = Date.now()
    for (let round = 1; round <= rounds; round += 1) {
      const [connected, received] = [worker.count('broker.connected'), worker.count('task.received')]
      await strike('cut', () => proxy.reset())
      await worker.until('broker.connected', connected + 2)
      await holding(received)
      await strike('SIGKILL', () => worker.kill9())
      worker = await start(round < rounds ? '6/m' : '600/m')
      await holding(0)
    }
    await seen.until(() => unfinished().length === 0, PATIENCE)
    const lasted = Date.now() - begun
    for (const name of [queue, `${queue}.suspects`]) await untilDrained(scene.url, name)
    await worker.stop()
    ledger.read()
    const runs = ledger.starts.map((run) => ({ ...run, worker: 'worker' }))
    return {
      sent: messages.length,
      lost: unfinished(),
      expectedStarts: expected,
      extraStarts: runs.length - expected,
      unexplained: attribute(withoutInherited(runs), faults, new Map()).unexplained.map(({ id }) => id),
      fewest,
      quarantined: seen.setAside.map(({ reason }) => reason),
      left: (await messagesIn(scene.url, queue)) + (await messagesIn(scene.url, `${queue}.suspects`)),
      lasted,
    }
  } finally {
    await worker[Symbol.asyncDispose]()
  }
}

/** The tasks, and how many starts they take. */
function tasksOf(replies: string): { readonly messages: readonly Publishable[]; readonly expected: number } {
  const now = Date.now()
  const turn = <T>(values: readonly T[], index: number): T => values[index % values.length] as T
  const each = <T>(make: (index: number) => T): T[] => Array.from({ length: EACH }, (_, index) => make(index))
  const limited = each(() => celeryMessage('acceptance.limited', [50], replies))
  const delayed = each((index) => {
    const { id, body, options } = celeryMessage('acceptance.work', [50], replies)
    const eta = new Date(now + turn(ETA_AFTER, index)).toISOString()
    return { id, body, options: { ...options, headers: { ...options.headers, eta } } }
  })
  const again = each((index) => celeryMessage('acceptance.again', turn(RETRIES, index), replies))
  const attempts = each((index) => turn(RETRIES, index)[0] + 1).reduce((sum, count) => sum + count, 0)
  return { messages: [...limited, ...delayed, ...again], expected: 2 * EACH + attempts }
}

function isDone(id: string, answer: Answer | undefined): boolean {
  return answer?.status === 'SUCCESS' && answer.result === id
}

/**
 * Each start of an attempt that asks for a retry sends one message for the next attempt: where there were two, the next
 * attempt starts twice for no reason of its own.
 */
function withoutInherited(runs: readonly Run[]): Run[] {
  const starts = new Map<string, number>()
  for (const { id } of runs) starts.set(id, (starts.get(id) ?? 0) + 1)
  const inherited = new Map<string, number>()
  for (const id of starts.keys()) {
    const [task, attempt] = id.split('#')
    const before = starts.get(`${task}#${Number(attempt) - 1}`) ?? 1
    inherited.set(id, before - 1)
  }
  const first = new Set<string>()
  return runs.filter(({ id, redelivered }) => {
    if (!first.has(id)) {
      first.add(id)
      return true
    }
    const left = inherited.get(id) ?? 0
    if (left === 0 || redelivered) return true
    inherited.set(id, left - 1)
    return false
  })
}
