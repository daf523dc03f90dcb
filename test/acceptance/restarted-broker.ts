import { randomUUID } from 'node:crypto'
import { celeryMessage, preload } from '../support/celery-message.ts'
import { Ledger, type Verdict } from '../support/ledger.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { firstAnswer, fresh, messagesIn, startWorker, untilDrained } from './scene.ts'

/** What became of tasks whose broker was restarted. */
export interface RestartedBrokerReport {
  readonly verdict: Verdict
  /** How many tasks were still to be run when the broker came back. */
  readonly remaining: number
  /** Milliseconds from the moment the broker answered on its port again to the first start of a task. */
  readonly backAfter: number
  /** The same worker from start to end, and its exit status. */
  readonly exit: number | null
  readonly left: number
}

// Slots × duration make 1,000 tasks a second: the broker is gone long before they are done.
const SLOTS = 20
const DURATION = 20

/** Fills a queue, and restarts the broker when a third of the tasks has started. */
export async function restartTheBroker(
  node: RabbitNode,
  { folder, tasks }: { folder: string; tasks: number },
): Promise<RestartedBrokerReport> {
  const scene = { url: node.url(), folder }
  const queue = `restarted-broker-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const sent = await preload(scene.url, queue, tasks, () => celeryMessage('acceptance.work', [DURATION], 'nobody'))
  await using worker = await startWorker(scene, {
    queue,
    ledger: ledger.path,
    flags: ['--concurrency', String(SLOTS)],
  })
  await ledger.until(({ starts }) => starts.length >= tasks / 3, 'a third of the tasks')
  await node.stop()
  const [answeredAt] = await Promise.all([firstAnswer(node.port), node.startAgain()])
  const startedAfter = () => ledger.starts.find(({ at }) => at >= answeredAt)
  await ledger.until(() => startedAfter() !== undefined, 'a start after the restart')
  const first = startedAfter()!
  const before = new Set(ledger.starts.filter(({ at }) => at < answeredAt).map(({ id }) => id))
  await ledger.until(({ ended }) => ended.size >= tasks, `the end of ${tasks} tasks`)
  await untilDrained(scene.url, queue)
  const exit = await worker.stop()
  return {
    verdict: ledger.judge(sent),
    remaining: tasks - before.size,
    backAfter: first.at - answeredAt,
    exit,
    left: await messagesIn(scene.url, queue),
  }
}
