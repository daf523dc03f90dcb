import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../support/celery-message.ts'
import { Ledger, type Verdict } from '../support/ledger.ts'
import { fresh, messagesIn, type Scene, startWorker, untilDrained } from './scene.ts'

/** How workers are asked to leave, again and again, while `running` tasks run. */
export interface Departures {
  readonly signal: 'SIGTERM' | 'SIGQUIT'
  readonly running: number
  readonly rounds: number
}

/** What became of the tasks, and of the workers that were asked to leave. */
export interface DrainReport {
  readonly verdict: Verdict
  /** The exit status of each worker that was asked to leave. */
  readonly exits: readonly (number | null)[]
  /** How much longer each of them took than its longest task, in milliseconds; negative where tasks were interrupted. */
  readonly overheads: readonly number[]
  readonly left: number
}

const DURATION = 300

/**
 * Fills a queue with more tasks than the workers get to; each worker is asked to leave when all of its slots are busy, and
 * the next one goes on. With SIGQUIT the tasks end only when they are aborted.
 */
export async function drainWorkers(
  scene: Pick<Scene, 'url' | 'folder'>,
  { signal, running, rounds }: Departures,
): Promise<DrainReport> {
  const queue = `drained-worker-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  // Somebody waits: a result whose reply queue is gone is repeated for 600 ms, which is not what is measured here.
  const caller = await amqp.connect(scene.url)
  caller.on('error', () => {}) // what goes wrong is told by who works here
  await using _caller = { [Symbol.asyncDispose]: () => caller.close() }
  const { queue: replies } = await (await caller.createChannel()).assertQueue('', { exclusive: true })
  const message = () =>
    signal === 'SIGQUIT'
      ? celeryMessage('acceptance.wait', [], replies)
      : celeryMessage('acceptance.work', [DURATION], replies)
  const sent = await preload(scene.url, queue, running, message)
  const setting = { queue, ledger: ledger.path, flags: ['--concurrency', String(running)] }
  const exits: (number | null)[] = []
  const overheads: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    // On a busy machine more tasks end, and others start, before the signal arrives.
    const missing = 2 * running - (await messagesIn(scene.url, queue))
    if (missing > 0) sent.push(...(await preload(scene.url, queue, missing, message)))
    await using worker = await startWorker(scene, setting)
    const own = () => ledger.starts.filter(({ pid }) => pid === worker.pid)
    await ledger.until(() => own().length >= running, `${running} starts`)
    const askedAt = Date.now()
    exits.push(await worker.stop(signal))
    const leftAt = Date.now()
    ledger.judge([]) // reads the file to its end
    overheads.push(leftAt - Math.max(askedAt, ...own().map(({ at }) => at + DURATION)))
  }
  writeFileSync(`${ledger.path}.open`, '')
  await using worker = await startWorker(scene, setting)
  await ledger.until(({ ended }) => ended.size >= sent.length, `the end of ${sent.length} tasks`)
  await untilDrained(scene.url, queue)
  await worker.stop()
  return { verdict: ledger.judge(sent), exits, overheads, left: await messagesIn(scene.url, queue) }
}
