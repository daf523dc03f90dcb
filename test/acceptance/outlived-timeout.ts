import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { celeryMessage } from '../support/celery-message.ts'
import { Ledger } from '../support/ledger.ts'
import { startRabbit } from '../support/provision/rabbit.ts'
import { observe } from './observer.ts'
import { declareTyped, publishAll } from './poison-task.ts'
import { fresh, messagesIn, type Scene, startWorker, untilDrained } from './scene.ts'

/** What became of a task that runs longer than the broker waits for its acknowledgement. */
export interface OutlivedReport {
  readonly starts: number
  /** The last one that came. */
  readonly result: string
  /** Log lines that tell what to do about it. */
  readonly hints: number
  /** How often the broker took the message back. */
  readonly timeouts: number
  readonly quarantined: number
  readonly left: number
}

/** One worker runs a task for `lasting` milliseconds from a quorum queue, where the broker waits for `timeout`. */
export async function outliveTheTimeout(
  { folder }: Pick<Scene, 'folder'>,
  { lasting, timeout }: { readonly lasting: number; readonly timeout: number },
): Promise<OutlivedReport> {
  await using node = await startRabbit({ config: { consumer_timeout: timeout } })
  // Before 4.3 it looks once a minute, and would miss it.
  await node.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 1000).')
  const queue = `outlived-${randomUUID()}`
  await declareTyped(node.url(), queue, 'quorum')
  const ledger = new Ledger(fresh({ folder }, 'ledger'))
  await using worker = await startWorker({ url: node.url(), folder }, { queue, ledger: ledger.path })
  await using seen = await observe(node.url(), { queue, replies: `${queue}-replies` })
  const [task, next] = [lasting, 0].map((duration) => celeryMessage('acceptance.work', [duration], `${queue}-replies`))
  if (task === undefined || next === undefined) throw new Error('there are two')
  await publishAll(node.url(), queue, [task])
  await seen.until(() => seen.answers.has(task.id), 2 * lasting + 60_000)
  // What came back of it is behind it, and over, when this one has run.
  await publishAll(node.url(), queue, [next])
  await seen.until(() => seen.answers.has(next.id), 60_000)
  await untilDrained(node.url(), queue)
  await worker.stop()
  ledger.read()
  const log = readFileSync(worker.log, 'utf8').split('\n')
  const { status, result } = seen.answers.get(task.id) ?? { status: 'none', result: undefined }
  return {
    starts: ledger.starts.filter(({ id }) => id === task.id).length,
    result: status === 'SUCCESS' && result === task.id ? 'its own' : `${status} ${JSON.stringify(result)}`,
    hints: log.filter((line) => line.includes('"hint"') && line.includes('consumer_timeout')).length,
    timeouts: worker.count('consumer.timeout') + worker.count('consumer.timeout-again'),
    quarantined: seen.setAside.length,
    left: await messagesIn(node.url(), queue),
  }
}
