import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'twq'
import { Ledger, type Verdict } from '../support/ledger.ts'
import type { RabbitCluster } from '../support/provision/rabbit-cluster.ts'
import { pollUntil } from '../support/until.ts'
import { declareTyped } from './poison-task.ts'
import { fresh, messagesIn, startWorker, untilDrained } from './scene.ts'

/** What became of tasks while the nodes of their broker were restarted one after the other. */
export interface RollingRestartReport {
  readonly verdict: Verdict
  /** Tasks that the client could not send. */
  readonly unsent: number
  /** The longest that a send took, in milliseconds. */
  readonly slowestSend: number
  /** For each node, the longest time without a start from its stop until the queue was complete again, in milliseconds. */
  readonly gaps: readonly number[]
  /** The workers' exit statuses. */
  readonly exits: readonly (number | null)[]
  readonly left: number
}

const PER_SECOND = 50
const DURATION = 20

/**
 * A client sends tasks to a quorum queue at an even pace, and two workers run them, while each node is stopped in order and
 * started again; the next one once the queue has all its members.
 */
export async function restartNodeByNode(
  cluster: RabbitCluster,
  { folder }: { readonly folder: string },
): Promise<RollingRestartReport> {
  const queue = `rolling-restart-${randomUUID()}`
  const [first, second, third] = cluster.nodes
  await declareTyped(first!.url(), queue, 'quorum')
  const ledger = new Ledger(fresh({ folder }, 'ledger'))
  const start = (name: string, url: string) =>
    startWorker({ url, folder }, { queue, ledger: ledger.path, flags: ['--hostname', `${name}@twq`] })
  await using one = await start('one', cluster.url(first))
  await using other = await start('other', cluster.url(second))
  await using client = createClient({ broker: cluster.url(third), queue, publishTimeout: '60s' })

  const sent: string[] = []
  let [unsent, slowestSend, over] = [0, 0, false]
  const send = async (): Promise<void> => {
    const begun = Date.now()
    await client.send('acceptance.work', [DURATION], { ignoreResult: true }).then(
      ({ id }) => sent.push(id),
      () => {
        unsent += 1
      },
    )
    slowestSend = Math.max(slowestSend, Date.now() - begun)
  }
  const sending = (async () => {
    const under: Promise<void>[] = []
    for (const begun = Date.now(); !over; await sleep(20)) {
      const due = ((Date.now() - begun) / 1000) * PER_SECOND
      while (under.length < due) under.push(send())
    }
    await Promise.all(under)
  })()
  await ledger.until(({ starts }) => starts.length >= 2 * PER_SECOND, 'the first tasks')
  const restarts: { readonly from: number; readonly to: number }[] = []
  for (const node of cluster.nodes) {
    const from = Date.now()
    await node.restart()
    await pollUntil(
      'members of the queue',
      () => cluster.membersUp(queue),
      (members) => members === cluster.nodes.length,
    )
    restarts.push({ from, to: Date.now() })
  }
  over = true
  await sending
  await ledger.until(({ ended }) => ended.size >= sent.length, `the end of ${sent.length} tasks`)
  await untilDrained(first!.url(), queue)
  const exits = [await one.stop(), await other.stop()]
  const verdict = ledger.judge(sent)
  const starts = ledger.starts.map(({ at }) => at).toSorted((a, b) => a - b)
  return {
    verdict,
    unsent,
    slowestSend,
    gaps: restarts.map(({ from, to }) => longestGap(starts, from, to)),
    exits,
    left: await messagesIn(first!.url(), queue),
  }
}

/** The longest time without one of `starts` that overlaps the time from `from` to `to`. */
function longestGap(starts: readonly number[], from: number, to: number): number {
  const gaps = starts.slice(1).map((at, index) => ({ begin: starts[index] ?? at, end: at }))
  const within = gaps.filter(({ begin, end }) => end >= from && begin <= to)
  return Math.max(0, ...within.map(({ begin, end }) => end - begin))
}
