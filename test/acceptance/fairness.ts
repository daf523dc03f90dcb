import { randomUUID } from 'node:crypto'
import { celeryMessage, preload } from '../support/celery-message.ts'
import { Ledger, type Start, type Verdict } from '../support/ledger.ts'
import { declareTyped } from './poison-task.ts'
import { fresh, type Scene, startWorker, untilDrained } from './scene.ts'

/** How two workers shared the tasks of one queue. Times in milliseconds. */
export interface Sharing {
  readonly verdict: Verdict
  /** From the first start to the last end. */
  readonly took: number
  /** The longest time for which a worker ran nothing although tasks had not started yet. */
  readonly idle: number
}

const CONCURRENCY = 10

/** Two workers with ten slots each run tasks that last `durations`, in that order. */
export async function shareTasks(
  scene: Pick<Scene, 'url' | 'folder'>,
  {
    type,
    durations,
    flags = [],
  }: {
    readonly type: 'classic' | 'quorum'
    readonly durations: readonly number[]
    readonly flags?: readonly string[]
  },
): Promise<Sharing> {
  const queue = `fairness-${randomUUID()}`
  await declareTyped(scene.url, queue, type)
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const setting = { queue, ledger: ledger.path, flags: ['--concurrency', String(CONCURRENCY), ...flags] }
  await using first = await startWorker(scene, setting)
  await using second = await startWorker(scene, setting)
  const message = (index: number) => celeryMessage('acceptance.work', [durations[index] ?? 0], `${queue}-nobody`)
  const sent = await preload(scene.url, queue, durations.length, message, type === 'quorum' ? type : undefined)
  await ledger.until(({ ended }) => ended.size >= sent.length, `the end of ${sent.length} tasks`, 600_000)
  await untilDrained(scene.url, queue)
  const verdict = ledger.judge(sent)
  const { starts } = ledger
  const begin = Math.min(...starts.map(({ at }) => at))
  const end = Math.max(...starts.map(endOf))
  const idle = [first, second].map(({ pid }) => longestIdle(starts, pid, begin))
  return { verdict, took: end - begin, idle: Math.max(...idle) }
}

/** So many durations from 1 to 500 ms, at random, the same each time. */
export function mixedDurations(count: number): number[] {
  // A linear congruential generator: Numerical Recipes' constants.
  let state = 7
  return Array.from({ length: count }, () => {
    state = (1_664_525 * state + 1_013_904_223) % 2 ** 32
    return 1 + Math.floor((500 * state) / 2 ** 32)
  })
}

function longestIdle(starts: readonly Start[], pid: number, begin: number): number {
  const own = starts.filter((start) => start.pid === pid).toSorted((a, b) => a.at - b.at)
  const last = Math.max(...starts.map(({ at }) => at))
  let busyUntil = begin
  let longest = 0
  for (const start of own) {
    longest = Math.max(longest, start.at - busyUntil)
    busyUntil = Math.max(busyUntil, endOf(start))
  }
  return Math.max(longest, last - busyUntil)
}

function endOf({ at, endedAt = at }: Start): number {
  return endedAt
}
