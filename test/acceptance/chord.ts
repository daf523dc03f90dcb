import { randomUUID } from 'node:crypto'
import { Ledger } from '../support/ledger.ts'
import { run } from '../support/provision/command.ts'
import { startRedis } from '../support/provision/redis.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { fresh, messagesIn, runPython, type Scene, startWorker, untilDrained } from './scene.ts'

/** What became of a chord whose workers were killed. */
export interface ChordReport {
  /** How many different results its body got. */
  readonly joined: unknown
  /** How often the body started. */
  readonly bodies: number
  /** Starts of the chord's tasks beyond the first of each. */
  readonly extraStarts: number
  /** Results in Redis, one for each task and one for the body, and all other keys there. */
  readonly results: number
  readonly otherKeys: readonly string[]
  readonly left: number
}

const DURATION = 20

/** Python starts a chord; two workers run it, each of which is killed outright on the way and replaced. */
export async function joinChord(scene: Scene, { tasks }: { readonly tasks: number }): Promise<ChordReport> {
  await using redis = await startRedis()
  const queue = `chord-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const setting = { queue, ledger: ledger.path, flags: ['--result-backend', redis.url] }
  const workers: WorkerProcess[] = [await startWorker(scene, setting), await startWorker(scene, setting)]
  try {
    const calling = runPython(scene, 'chord.py', scene.url, redis.url, queue, String(tasks), String(DURATION))
    calling.catch(() => {}) // heard below, when its answer is wanted
    for (const [index, worker] of [...workers].entries()) {
      const enough = Math.floor((tasks * (index + 1)) / 3)
      await ledger.until(({ ended }) => ended.size >= enough, `${enough} ends`)
      await worker.kill9()
      workers.push(await startWorker(scene, setting))
    }
    const { id, value } = JSON.parse(await calling) as { id: string; value: unknown }
    await untilDrained(scene.url, queue)
    for (const worker of workers) if (worker.running) await worker.stop()
    const keys = (await run('redis-cli', ['-u', redis.url, 'keys', '*'])).split('\n').filter((key) => key !== '')
    const isResult = (key: string) => key.startsWith('celery-task-meta-')
    const starts = ledger.starts.length
    const bodies = ledger.starts.filter((start) => start.id === id).length
    return {
      joined: value,
      bodies,
      extraStarts: starts - bodies - tasks,
      results: keys.filter(isResult).length,
      otherKeys: keys.filter((key) => !isResult(key)),
      left: await messagesIn(scene.url, queue),
    }
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]()
  }
}
