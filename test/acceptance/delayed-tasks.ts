import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { DELAY_LEVELS, delayLevel } from '../../src/protocol/headers/delay-route.ts'
import { celeryMessage, type Publishable, preload } from '../support/celery-message.ts'
import { Ledger, type Verdict } from '../support/ledger.ts'
import { fresh, messagesIn, type Scene, startWorker, untilDrained } from './scene.ts'

/** Where tasks wait. */
export type Where = 'worker' | 'broker'

type Place = Pick<Scene, 'url' | 'folder'>

/** What tasks cost that are not due. */
export interface WaitingReport {
  /** How many of them wait in the worker, and with the broker. */
  readonly held: number
  readonly delayed: number
  /** How much the worker has grown by, in bytes: at most while they came, and once all waited. */
  readonly peak: number
  readonly growth: number
  /** Ordinary tasks a second, before there were others and while those waited. */
  readonly before: number
  readonly beside: number
}

const HOUR = 3_600_000
const ORDINARY = 3000
// Each figure is the best of so many rounds: the machine does other things, too.
const ROUNDS = 2

/** Sends so many tasks that are due in an hour, and runs ordinary ones before and beside them. */
export async function waitForMany(
  scene: Place,
  { tasks, where }: { readonly tasks: number; readonly where: Where },
): Promise<WaitingReport> {
  const env: Record<string, string> = where === 'worker' ? { TWQ_HOLD_FOR: '2h' } : {}
  const queue = `delayed-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  await using worker = await startWorker(scene, { queue, ledger: ledger.path, env })
  const before = await ordinaryRate(scene, queue, ledger)
  const size = residentSize(worker.pid)
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, residentSize(worker.pid) - size)
  }, 100)
  await preload(scene.url, queue, tasks, () => delayed(Date.now() + HOUR))
  await untilDrained(scene.url, queue)
  let depth = await depthOfLadder(scene.url)
  for (let last = -1; last !== depth; depth = await depthOfLadder(scene.url)) {
    last = depth
    await sleep(2000)
  }
  clearInterval(watch)
  const beside = await ordinaryRate(scene, queue, ledger)
  return { held: tasks - depth, delayed: depth, peak, growth: residentSize(worker.pid) - size, before, beside }
}

/** What became of tasks that were not due when their worker was killed. */
export interface KilledWaitingReport {
  /** How many different tasks there are, here or there, after the restart. */
  readonly kept: number
  /** Copies beyond the first of a task. */
  readonly copies: number
}

/** Sends tasks that are due in an hour, kills the worker when half of them wait, and looks for each after the next one has come. */
export async function killWhileWaiting(
  scene: Place,
  { tasks }: { readonly tasks: number },
): Promise<KilledWaitingReport> {
  const queue = `delayed-${randomUUID()}`
  const sent = await preload(scene.url, queue, tasks, () => delayed(Date.now() + HOUR))
  await killHalfWay(scene, { queue, tasks })
  {
    await using _next = await startWorker(scene, { queue })
    await untilDrained(scene.url, queue)
    const total = async () => (await depthOfLadder(scene.url)) >= tasks
    for (const until = Date.now() + 60_000; !(await total()) && Date.now() < until; ) await sleep(500)
  }
  const known = new Set(sent)
  const found = (await takeAll(scene.url, [queue, ...ladder()])).filter((id) => known.has(id))
  const kept = new Set(found).size
  return { kept, copies: found.length - kept }
}

/** What became of such tasks in the end. */
export interface DueReport {
  readonly verdict: Verdict
  /** Starts before the time. */
  readonly early: number
  readonly left: number
}

/** The same with tasks that are due soon: held by the worker where it may, else left to the broker. */
export async function killBeforeDue(
  scene: Place,
  setting: { readonly tasks: number; readonly delay: number; readonly where: Where },
): Promise<DueReport> {
  const { tasks, delay, where } = setting
  const queue = `delayed-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const env: Record<string, string> = where === 'broker' ? { TWQ_HOLD_FOR: '1s' } : {}
  const dueAt = new Map<string, number>()
  const sent = await preload(scene.url, queue, tasks, () => {
    const due = Date.now() + delay
    const message = delayed(due)
    dueAt.set(message.id, due)
    return message
  })
  await killHalfWay(scene, { queue, tasks, ledger: ledger.path, env })
  await using worker = await startWorker(scene, { queue, ledger: ledger.path, env })
  await ledger.until(({ ended }) => ended.size >= tasks, `the end of ${tasks} tasks`, 240_000)
  await untilDrained(scene.url, queue)
  await worker.stop()
  return {
    verdict: ledger.judge(sent),
    early: ledger.starts.filter(({ id, at }) => at < (dueAt.get(id) ?? 0)).length,
    left: (await messagesIn(scene.url, queue)) + (await depthOfLadder(scene.url)),
  }
}

/** Kills a worker outright that has taken half of what is in its queue. */
async function killHalfWay(
  scene: Place,
  setting: {
    readonly queue: string
    readonly tasks: number
    readonly ledger?: string
    readonly env?: Readonly<Record<string, string>>
  },
): Promise<void> {
  const { queue, tasks, ...rest } = setting
  await using worker = await startWorker(scene, { queue, ...rest })
  while ((await messagesIn(scene.url, queue)) > tasks / 2) await sleep(20)
  await worker.kill9()
}

function delayed(due: number): Publishable {
  const { id, body, options } = celeryMessage('acceptance.work', [0], 'nobody')
  return { id, body, options: { ...options, headers: { ...options.headers, eta: new Date(due).toISOString() } } }
}

/** Tasks a second, from the first start to the last one. */
async function ordinaryRate(scene: Place, queue: string, ledger: Ledger): Promise<number> {
  let best = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const known = ledger.starts.length
    await preload(scene.url, queue, ORDINARY, () => celeryMessage('acceptance.work', [0], 'nobody'))
    await ledger.until(({ starts }) => starts.length >= known + ORDINARY, `${ORDINARY} tasks`)
    const moments = ledger.starts.slice(known).map(({ at }) => at)
    best = Math.max(best, (ORDINARY * 1000) / (Math.max(...moments) - Math.min(...moments)))
  }
  return Math.round(best)
}

/** The memory that a process takes, in bytes. */
function residentSize(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function ladder(): string[] {
  return Array.from({ length: DELAY_LEVELS }, (_, level) => delayLevel(level))
}

/** Messages in native delayed delivery. */
async function depthOfLadder(url: string): Promise<number> {
  const connection = await amqp.connect(url)
  let depth = 0
  try {
    for (const queue of ladder()) {
      const channel = await connection.createChannel()
      // Where it has not been declared yet, the channel is gone.
      channel.on('error', () => {})
      depth += await channel.checkQueue(queue).then(
        async ({ messageCount }) => {
          await channel.close()
          return messageCount
        },
        () => 0,
      )
    }
  } finally {
    await connection.close()
  }
  return depth
}

/** Takes everything out of queues that nobody else consumes; resolves with the ids. */
async function takeAll(url: string, queues: readonly string[]): Promise<string[]> {
  const connection = await amqp.connect(url)
  const ids: string[] = []
  for (const queue of queues) {
    const channel = await connection.createChannel()
    const { messageCount } = await channel.checkQueue(queue)
    if (messageCount === 0) continue
    await new Promise<void>((resolve, reject) => {
      const take = (message: amqp.ConsumeMessage | null): void => {
        ids.push(String(message?.properties.correlationId))
        taken += 1
        if (taken === messageCount) resolve()
      }
      let taken = 0
      channel.consume(queue, take, { noAck: true }).catch(reject)
    })
  }
  await connection.close()
  return ids
}
