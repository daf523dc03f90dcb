import { randomUUID } from 'node:crypto'
import { Ledger, type Verdict } from '../support/ledger.ts'
import { fresh, messagesIn, runPython, type Scene, startWorker, untilDrained } from './scene.ts'

const CONCURRENCY = 50

/** What became of tasks whose worker was killed. */
export interface KilledWorkerReport {
  readonly verdict: Verdict
  /** Starts of tasks that had not ended when their worker was killed. A worker has no more of them than slots. */
  readonly interrupted: number
  readonly mostInterrupted: number
  /** How many different workers ran them. */
  readonly workers: number
  /** The exit status of the last worker, asked to leave at the end. */
  readonly exit: number | null
  /** Messages left in the queue at the very end. */
  readonly left: number
}

/**
 * Python sends tasks; as they run, the worker is killed outright and replaced `kills` times. Tasks take long enough for
 * all of the worker's slots to be busy when that happens. What runs again is what was interrupted, and what had ended and was not
 * acknowledged yet: its slot was free for the next one, so with those the worker may have started as many as its prefetch count.
 */
export async function killTheWorker(
  scene: Scene,
  { tasks, kills, milliseconds = 20 }: { tasks: number; kills: number; milliseconds?: number },
): Promise<KilledWorkerReport> {
  const queue = `killed-worker-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const setting = { queue, ledger: ledger.path, flags: ['--concurrency', String(CONCURRENCY)] }
  const sending = runPython(
    scene,
    'send_many.py',
    scene.url,
    queue,
    'acceptance.work',
    String(tasks),
    String(milliseconds),
  )
  sending.catch(() => {}) // heard below, when its ids are wanted
  let worker = await startWorker(scene, setting)
  try {
    for (let kill = 1; kill <= kills; kill += 1) {
      const enough = Math.floor((tasks * kill) / (kills + 1))
      await ledger.until(({ starts }) => starts.length >= enough, `${enough} starts`)
      await worker.kill9()
      worker = await startWorker(scene, setting)
    }
    const sent = (await sending).trim().split('\n')
    await ledger.until(({ ended }) => ended.size >= tasks, `the end of ${tasks} tasks`)
    await untilDrained(scene.url, queue)
    const exit = await worker.stop()
    const verdict = ledger.judge(sent)
    return {
      verdict,
      interrupted: ledger.starts.filter(({ endedAt }) => endedAt === undefined).length,
      mostInterrupted: kills * CONCURRENCY,
      workers: new Set(ledger.starts.map(({ pid }) => pid)).size,
      exit,
      left: await messagesIn(scene.url, queue),
    }
  } finally {
    await worker[Symbol.asyncDispose]()
  }
}
