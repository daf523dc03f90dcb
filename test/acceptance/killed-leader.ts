import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import { createClient } from 'twq'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { Broadcast } from '../../src/sending/broadcast.ts'
import { Ledger, type Verdict } from '../support/ledger.ts'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import type { RabbitCluster } from '../support/provision/rabbit-cluster.ts'
import { fresh, messagesIn, startWorker, untilDrained } from './scene.ts'

/** What became of tasks whose quorum queue lost its leader. */
export interface KilledLeaderReport {
  readonly verdict: Verdict
  /** How many tasks had yet to start when the leader was killed. */
  readonly remaining: number
  /** Unacknowledged messages that the workers may have at once. */
  readonly inFlight: number
  /** Tasks whose result the client got; those of which it was told why it can't; those of which it heard nothing. */
  readonly results: { readonly right: number; readonly told: number; readonly missing: number }
  /** Tasks that the client could not send. */
  readonly unsent: number
  /** The longest time without a start after the kill, in milliseconds, while there was something to start. */
  readonly gap: number
  /** How many workers answered a ping while the node was away, and after it was back. */
  readonly pings: readonly number[]
  /** Members of the queue that are up again in the end. */
  readonly members: number
  /** The workers' exit statuses. */
  readonly exits: readonly (number | null)[]
  readonly left: number
}

// Two workers with so many slots make 1,000 tasks a second at most.
const SLOTS = 10
const PREFETCH = 20
const DURATION = 20
// How long a result may take that is still to come when all tasks have ended.
const LATE = 30_000

/**
 * A client sends tasks to a quorum queue, and waits for the result of each. When a third of them has started, the node is
 * killed that leads the queue, and that the client and one of the workers are connected to; the last tenth is sent at that
 * moment. When all are done the node comes back, and another tenth is run.
 */
export async function killTheLeader(
  cluster: RabbitCluster,
  { folder, tasks }: { folder: string; tasks: number },
): Promise<KilledLeaderReport> {
  const queue = `killed-leader-${randomUUID()}`
  const [leader, follower] = cluster.nodes
  await declareQuorum(leader!.url(), queue)
  const home = await cluster.homeOf(queue)
  const ledger = new Ledger(fresh({ folder }, 'ledger'))
  const flags = ['--concurrency', String(SLOTS), '--prefetch', String(PREFETCH)]
  const start = (name: string, node: RabbitNode | undefined) =>
    startWorker(
      { url: cluster.url(node), folder },
      { queue, ledger: ledger.path, flags: [...flags, '--hostname', `${name}@twq`] },
    )
  await using client = createClient({ broker: cluster.url(home), queue, publishTimeout: '60s' })
  const sent: string[] = []
  const handles: { readonly id: string; result(options: { timeout: number }): Promise<unknown> }[] = []
  let unsent = 0
  const send = async (): Promise<void> => {
    try {
      const handle = await client.send('acceptance.work', [DURATION])
      sent.push(handle.id)
      handles.push(handle)
    } catch {
      unsent += 1
    }
  }
  const sendMany = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= BATCH) {
      await Promise.all(Array.from({ length: Math.min(BATCH, left) }, send))
    }
  }

  await sendMany(tasks * 0.9)
  await using beside = await start('beside', home)
  await using apart = await start('apart', home === leader ? follower : leader)
  await ledger.until(({ starts }) => starts.length >= tasks / 3, 'a third of the tasks')
  const killedAt = Date.now()
  await home.kill9()
  await sendMany(tasks * 0.1)
  await ledger.until(({ ended }) => ended.size >= sent.length, `the end of ${tasks} tasks`)
  const doneAt = ledger.starts.at(-1)?.at ?? Date.now()
  const pings = [await ping(cluster.url(cluster.survivor))]
  await home.startAgain()
  await sendMany(tasks * 0.1)
  await ledger.until(({ ended }) => ended.size >= sent.length, 'the end of the tasks that came later')
  pings.push(await ping(home.url()))
  const results = { right: 0, told: 0, missing: 0 }
  await Promise.all(
    handles.map(async (handle) => {
      const became = await handle.result({ timeout: LATE }).then(
        (result) => (result === handle.id ? 'right' : 'told'),
        (error: { code?: string }) => (error.code === 'TWQ_RESULT_TIMEOUT' ? 'missing' : 'told'),
      )
      results[became] += 1
    }),
  )
  await untilDrained(home.url(), queue)
  const members = await cluster.membersUp(queue)
  const exits = [await beside.stop(), await apart.stop()]
  return {
    verdict: ledger.judge(sent),
    remaining: tasks - new Set(ledger.starts.filter(({ at }) => at < killedAt).map(({ id }) => id)).size,
    inFlight: 2 * PREFETCH,
    results,
    unsent,
    gap: longestGap(
      ledger.starts.map(({ at }) => at),
      killedAt,
      doneAt,
    ),
    pings,
    members,
    exits,
    left: await messagesIn(home.url(), queue),
  }
}

const BATCH = 100

async function declareQuorum(url: string, queue: string): Promise<void> {
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await connection.close()
}

async function ping(url: string): Promise<number> {
  const broker = amqpBroker({ url, heartbeat: 10_000, name: 'ping' })
  await using broadcast = await Broadcast.open(broker, systemClock)
  const replies = await broadcast.ask('ping', {}, { timeout: 5_000, destination: ['beside@twq', 'apart@twq'] })
  return replies.size
}

/** The longest time without one of `starts`, in milliseconds from `from` to `until`. */
function longestGap(starts: readonly number[], from: number, until: number): number {
  const moments = [from, ...starts.filter((at) => at >= from && at <= until).toSorted((a, b) => a - b)]
  return Math.max(...moments.map((at, index) => (moments[index + 1] ?? until) - at))
}
