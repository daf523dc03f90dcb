import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { plainQueue } from '../../src/protocol/queue/task-queue.ts'
import { declareWithCompanions } from '../../src/queues/queue-access.ts'
import { celeryMessage } from '../support/celery-message.ts'
import { Ledger } from '../support/ledger.ts'
import { observe } from './observer.ts'
import { fresh, messagesIn, type Scene, spawnWorker, untilDrained } from './scene.ts'

/** How the supervisor ends a worker that is to be replaced by another. */
export type Deploy = 'SIGTERM' | 'SIGKILL'

/** What became of a task that kills its worker, and of its neighbours. */
export interface PoisonReport {
  /** How often the task was started. */
  readonly starts: number
  /** How many workers ended by themselves. */
  readonly deaths: number
  /** What is in quarantine, by reason; the task itself, and neighbours. */
  readonly poisonSetAside: readonly string[]
  readonly neighboursSetAside: readonly string[]
  /** Neighbours that did not run to their end. */
  readonly lost: number
  /** Second starts that were not told of the first. */
  readonly unexplained: readonly string[]
  readonly left: number
}

const PATIENCE = 300_000
const DURATION = 20

/**
 * One task in the middle of `neighbours` kills its worker whenever it starts, and a supervisor starts the next; as they run
 * it also makes `deploys`, spread evenly over the neighbours.
 */
export async function poison(
  scene: Pick<Scene, 'url' | 'folder'>,
  setting: { readonly type: 'classic' | 'quorum'; readonly neighbours: number; readonly deploys: readonly Deploy[] },
): Promise<PoisonReport> {
  const { type, neighbours, deploys } = setting
  const queue = `poison-${randomUUID()}`
  await declareTyped(scene.url, queue, type)
  await using seen = await observe(scene.url, { queue, replies: `${queue}-replies` })
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const message = (task: string) =>
    celeryMessage(task, task === 'acceptance.work' ? [DURATION] : [], `${queue}-replies`)
  const tasks = Array.from({ length: neighbours }, () => message('acceptance.work'))
  const killer = message('acceptance.die')
  await publishAll(scene.url, queue, tasks.toSpliced(neighbours / 2, 0, killer))

  const over = () => seen.setAside.length > 0 && ledger.ended.size >= neighbours
  let deaths = 0
  for (let made = 0; !over(); ) {
    await using worker = spawnWorker(scene, { queue, ledger: ledger.path, flags: ['--prefetch', '40'] })
    const deploy = deploys[made]
    const enough = (neighbours * (made + 1)) / (deploys.length + 1)
    const reached = deploy
      ? ledger.until(({ ended }) => ended.size >= enough, `${enough} ends`, PATIENCE)
      : Promise.all([
          ledger.until(({ ended }) => ended.size >= neighbours, `${neighbours} ends`, PATIENCE),
          seen.until(over, PATIENCE),
        ])
    reached.catch(() => {})
    await Promise.race([worker.ended(), reached])
    if (!worker.running) deaths += 1
    else {
      made += 1
      if (deploy === 'SIGKILL') await worker.kill9()
      else await worker.stop()
    }
  }
  await untilDrained(scene.url, queue)
  const ofKiller = ({ correlationId }: { correlationId: string | undefined }) => correlationId === killer.id
  const verdict = ledger.judge([...tasks.map(({ id }) => id), killer.id])
  return {
    starts: ledger.starts.filter(({ id }) => id === killer.id).length,
    deaths,
    poisonSetAside: seen.setAside.filter(ofKiller).map(({ reason }) => reason),
    neighboursSetAside: seen.setAside.filter((other) => !ofKiller(other)).map(({ reason }) => reason),
    lost: verdict.lost.filter((id) => id !== killer.id).length,
    unexplained: verdict.unexplained,
    left: await messagesIn(scene.url, queue),
  }
}

/** Declares a queue, with what goes with it, for workers that find it there. */
export async function declareTyped(url: string, queue: string, type: 'classic' | 'quorum'): Promise<void> {
  await using connection = await amqpBroker({ url, heartbeat: 10_000, name: 'declare' }).connect()
  const args = type === 'quorum' ? { 'x-queue-type': 'quorum' } : {}
  await declareWithCompanions(connection, { ...plainQueue(queue), arguments: args })
}

/** Publishes messages in their order; resolves when the broker has confirmed all. */
export async function publishAll(
  url: string,
  queue: string,
  messages: readonly ReturnType<typeof celeryMessage>[],
): Promise<void> {
  const connection = await amqp.connect(url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  for (const { body, options } of messages) channel.sendToQueue(queue, body, options)
  await channel.waitForConfirms()
  await connection.close()
}
