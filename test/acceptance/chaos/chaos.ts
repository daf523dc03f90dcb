import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { celeryMessage } from '../../support/celery-message.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { startRabbit } from '../../support/provision/rabbit.ts'
import { startRedis } from '../../support/provision/redis.ts'
import { pollUntil } from '../../support/until.ts'
import { declareTyped } from '../poison-task.ts'
import { fresh, messagesIn, type Scene, untilDrained } from '../scene.ts'
import { ConfirmedProducer } from './confirmed-producer.ts'
import { attribute, type Explained, type Fault, inventDuplicates, type Strike } from './duplicates.ts'
import { FAULTS, type Stage, WORKERS } from './faults.ts'
import { Fleet } from './fleet.ts'

/** What became of the tasks. */
export interface ChaosReport {
  readonly sent: number
  /** Confirmed, and never ran to its end. */
  readonly lost: readonly string[]
  /** Started, and never sent. */
  readonly phantom: number
  /** Further starts that each fault explains, and how many milliseconds passed until all that was sent by its end had run. */
  readonly faults: readonly (Explained & { readonly name: string; readonly recovered: number })[]
  /** Ids of further starts that no fault explains. */
  readonly unexplained: readonly string[]
  /** Second starts that did not happen, one of each task that ran once, and how many of them a fault would explain. */
  readonly invented: { readonly invented: number; readonly explained: number }
  /** The longest time in which this program, whose proxy a worker is behind, did nothing: in milliseconds. */
  readonly blocked: number
  readonly exits: readonly (number | null)[]
  readonly left: number
}

/** Tasks are sent so that they last for a fault, at most at this pace. */
const PER_SECOND = 140
const LONGEST_PHASE = 20_000
/** Milliseconds that tasks take, in turn. */
const DURATIONS = [20, 60, 120, 250]
const SETTLED_WITHIN = 180_000

/**
 * Sends tasks without a pause to three workers, one of them behind a proxy, and makes one fault after another; each time
 * waits until all that was sent so far has run, so that each further start belongs to one fault.
 */
export async function weatherFaults(
  { folder }: Pick<Scene, 'folder'>,
  { tasks, type, tell = () => {} }: { tasks: number; type: 'classic' | 'quorum'; tell?: (line: string) => void },
): Promise<ChaosReport> {
  const delays = monitorEventLoopDelay()
  delays.enable()
  await using node = await startRabbit()
  await using redis = await startRedis({ durable: true })
  await using proxy = await FaultProxy.before(node.url())
  const [queue, side] = [`chaos-${randomUUID()}`, `chaos-side-${randomUUID()}`]
  await declareTyped(node.url(), queue, type)
  await using fleet = new Fleet(
    { folder },
    [
      { name: WORKERS[0], url: node.url(), flags: ['--concurrency', '20'] },
      { name: WORKERS[1], url: node.url(), flags: ['--pool', 'processes', '--concurrency', '2'] },
      { name: WORKERS[2], url: proxy.through(node.url()), flags: ['--concurrency', '20'] },
    ],
    [queue, side],
    ['--result-backend', redis.url],
  )
  await fleet.fill()
  await node.saveDeclarations()
  await using producer = new ConfirmedProducer(node.url())

  const confirmed = new Set<string>()
  let sends = 0
  const send = async (to: string): Promise<void> => {
    const duration = DURATIONS[sends++ % DURATIONS.length] ?? 0
    const message = celeryMessage('acceptance.work', [duration], 'nobody')
    await producer.send(to, message)
    confirmed.add(message.id)
  }
  const givenUp = new Set<string>()
  const settled = async (ids: readonly string[], what: string): Promise<void> => {
    let left = ids
    const missing = (): readonly string[] => {
      const { ended } = fleet
      left = left.filter((id) => !ended.has(id) && !givenUp.has(id))
      return left
    }
    const none = ({ length }: readonly string[]): boolean => length === 0
    await pollUntil(what, missing, none, { within: SETTLED_WITHIN, every: 200 }).catch(() => {
      for (const id of missing()) givenUp.add(id)
      tell(`${type}: ${what}: ${givenUp.size} have not run`)
    })
  }
  const deleteQueue = async (): Promise<void> => {
    const before = new Set(confirmed)
    await Promise.all(Array.from({ length: 20 }, () => send(side)))
    await settled(
      [...confirmed].filter((id) => !before.has(id)),
      'the tasks before the deletion',
    )
    await untilDrained(node.url(), side)
    await node.ctl('delete_queue', side)
    await pollUntil(
      'the queue',
      () => messagesIn(node.url(), side).catch(() => undefined),
      (count) => count !== undefined,
    )
    await Promise.all(Array.from({ length: 50 }, () => send(side)))
  }

  // The share of each phase goes out in its own time; the next one's only once its fault is over.
  const share = Math.ceil(tasks / (FAULTS.length + 1))
  const sending = (count: number) => sendEvenly(count, () => send(queue))
  const faults: (Fault & { readonly end: number })[] = []
  await sending(Math.min(share, 200))
  for (const { name, act } of FAULTS) {
    const flow = sending(share)
    // Tasks are in flight.
    await sleep(500)
    const begin = Date.now()
    const strikes: Strike[] = []
    const strike: Stage['strike'] = async (workers, make, { pid, unnoticed = false } = {}) => {
      const from = Date.now()
      await make()
      strikes.push({ workers, from, to: Date.now(), unnoticed, ...(pid !== undefined && { pid }) })
    }
    await act({ node, redis, fleet, proxy, strike, deleteQueue })
    await settled([...confirmed], `what was sent by the end of ${name}`)
    const end = Date.now()
    faults.push({ name, begin, end, strikes })
    tell(`${type}: ${name}: ${confirmed.size} sent, all run after ${((end - begin) / 1000).toFixed(1)} s`)
    await flow
    await settled([...confirmed], `what was sent after ${name}`)
  }
  await sending(Math.max(0, tasks - confirmed.size))
  await settled([...confirmed], 'the last tasks')
  await untilDrained(node.url(), queue)
  const exits = await fleet.stop()
  const blocked = Math.round(delays.max / 1e6)
  delays.disable()
  const ended = fleet.ended
  const { runs } = fleet
  const { explained, unexplained } = attribute(runs, faults, producer.republished)
  for (const { id } of unexplained) tell(`${type}: unexplained: ${JSON.stringify(runs.filter((run) => run.id === id))}`)
  const record = { faults, republished: [...producer.republished], runs }
  await writeFile(fresh({ folder }, `${type}.json`), JSON.stringify(record))
  return {
    sent: confirmed.size,
    lost: [...confirmed].filter((id) => !ended.has(id)),
    phantom: new Set(runs.map(({ id }) => id).filter((id) => !confirmed.has(id))).size,
    faults: faults.map(({ name, begin, end }) => ({
      name,
      ...(explained.get(name) ?? { returned: 0, sentAgain: 0 }),
      recovered: end - begin,
    })),
    unexplained: unexplained.map(({ id }) => id),
    invented: inventDuplicates(runs, faults, producer.republished),
    blocked,
    exits,
    left: await messagesIn(node.url(), queue),
  }
}

/** Sends so many at an even pace, whether confirms come or not; resolves when all are confirmed. */
async function sendEvenly(count: number, send: () => Promise<void>): Promise<void> {
  const lasting = Math.min(LONGEST_PHASE, Math.max(3_000, (count / PER_SECOND) * 1000))
  const begun = Date.now()
  const under: Promise<void>[] = []
  while (under.length < count) {
    const due = Math.min(count, Math.ceil(((Date.now() - begun) / lasting) * count) + 1)
    while (under.length < due) under.push(send())
    await sleep(20)
  }
  await Promise.all(under)
}
