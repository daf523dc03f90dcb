import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp, { type Channel } from 'amqplib'
import { Redis } from 'ioredis'
import { startWorker } from '../acceptance/scene.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { Bystander } from './bystander.ts'
import { writeGarbage } from './garbage-in-redis.ts'
import { hostileMessage } from './hostile.ts'
import { HostilePublisher } from './publisher.ts'
import { Random } from './random.ts'
import { residentMegabytes } from './resident-memory.ts'

/** What is done. */
export interface FuzzOptions {
  readonly url: string
  /** The Redis for results; without it they go by rpc. */
  readonly redis?: string | undefined
  readonly folder: string
  readonly seed: number
  readonly messages: number
  readonly pool: 'async' | 'processes' | 'threads'
  /** Hears of each thousand, and of all that goes wrong. */
  readonly onProgress?: (line: string) => void
}

/** What became of it. `deaths`, `lost` and `stuck` must be 0. */
export interface FuzzReport {
  readonly messages: number
  /** Ordinary tasks in between. */
  readonly good: number
  /** How often the worker ended by itself, or not as it was asked to. */
  readonly deaths: number
  /** Ordinary tasks without their result, and questions to the worker without an answer. */
  readonly lost: number
  /** Messages that were neither acknowledged nor set aside. */
  readonly stuck: number
  /** Megabytes that the worker's resident memory grew by from message 10,000 to the end; 0 for fewer than 12,100. */
  readonly growth: number
  /** Messages that the broker, or the library that sends, would not take. */
  readonly refused: number
  readonly quarantined: number
}

/** After so many hostile messages comes an ordinary task. */
const BATCH = 50
/** How many ordinary tasks may be on their way: as many batches wait for the worker at most. */
const MOST_AHEAD = 4
const CHECK_EVERY = 1_000
// As the first samples: what a collection of garbage makes of one says little.
const SAMPLES = 21
// Until then the heap takes the room that it will need, at any time and in steps of 100 MB.
const WARM_UP = 10_000
const NO_MORE_THAN = 40

/** Sends hostile messages of every kind to one worker, an ordinary task after every fifty. Deterministic in what is sent. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { url, redis: redisUrl, messages, pool, onProgress } = options
  const random = new Random(options.seed)
  const queue = `fuzz-${options.seed}-${randomUUID().slice(0, 8)}`
  const backend = redisUrl ?? 'rpc://'
  const flags = ['--pool', pool, '--concurrency', pool === 'async' ? '10' : '2', '--result-backend', backend]
  const start = () => startWorker(options, { queue, flags })
  let worker = await start()
  await using publisher = new HostilePublisher(url)
  await using bystander = new Bystander(url, queue, backend)
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl)
  const connection = await amqp.connect(url)
  try {
    const channel = await connection.createChannel()
    const replies = `${queue}-replies`
    await channel.assertQueue(replies, { durable: false, exclusive: true, arguments: { 'x-max-length': 1_000 } })
    await bystander.work()
    const targets = { queue, replies: [replies, bystander.replies] }
    const samples: number[] = []
    const ahead: Promise<void>[] = []
    let [deaths, quarantined] = [0, 0]
    for (let sent = 0; sent < messages; ) {
      for (const end = Math.min(messages, sent + BATCH); sent < end; sent += 1) {
        if (redis !== undefined && random.chance(0.1)) await writeGarbage(redis, random)
        await publisher.publish(hostileMessage(random, targets))
      }
      await publisher.flush()
      ahead.push(bystander.work())
      if (ahead.length >= MOST_AHEAD) await ahead.shift()
      if (!worker.running) {
        deaths += 1
        onProgress?.(`the worker died before message ${sent}:\n${worker.logTail()}`)
        worker = await start()
      }
      if (sent > WARM_UP) samples.push(residentMegabytes(worker.pid))
      if (sent % CHECK_EVERY !== 0) continue
      await bystander.ask()
      quarantined += await purge(channel, `${queue}.quarantine`)
      const memory = residentMegabytes(worker.pid)
      onProgress?.(`${sent} messages, deaths ${deaths}, lost ${bystander.lost}, ${memory} MB`)
    }
    await Promise.all(ahead)
    const queues = [queue, `${queue}.suspects`]
    await untilIdle(channel, queues)
    if (!(await endsInOrder(worker))) {
      deaths += 1
      onProgress?.(`the worker did not end in order:\n${worker.logTail()}`)
    }
    // What it held unacknowledged came back when it ended.
    const stuck = await waitingIn(channel, queues)
    quarantined += await purge(channel, `${queue}.quarantine`)
    for (const reason of bystander.reasons) onProgress?.(reason)
    return {
      messages,
      good: bystander.good,
      deaths,
      lost: bystander.lost,
      stuck,
      growth: growthOf(samples),
      refused: publisher.refused + publisher.unwritable,
      quarantined,
    }
  } finally {
    redis?.disconnect()
    await worker[Symbol.asyncDispose]()
    await connection.close().catch(() => {})
  }
}

/** Nothing of what must be 0 is more, and the memory that it takes stays. */
export function isWell({ deaths, lost, stuck, growth }: FuzzReport): boolean {
  return deaths === 0 && lost === 0 && stuck === 0 && growth < NO_MORE_THAN
}

/** Until the queues stay empty, though not for ever: what is stuck stays. */
async function untilIdle(channel: Channel, queues: readonly string[]): Promise<void> {
  for (let round = 0, empty = 0; round < 600 && empty < 20; round += 1) {
    empty = (await waitingIn(channel, queues)) === 0 ? empty + 1 : 0
    await sleep(100)
  }
}

async function waitingIn(channel: Channel, queues: readonly string[]): Promise<number> {
  const counts = await Promise.all(queues.map(async (queue) => (await channel.checkQueue(queue)).messageCount))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function endsInOrder(worker: WorkerProcess): Promise<boolean> {
  return worker.running && (await worker.stop()) === 0
}

async function purge(channel: Channel, queue: string): Promise<number> {
  return (await channel.purgeQueue(queue)).messageCount
}

/** From the first samples to the last, where those are not the same. */
function growthOf(samples: readonly number[]): number {
  if (samples.length < 2 * SAMPLES) return 0
  return median(samples.slice(-SAMPLES)) - median(samples.slice(0, SAMPLES))
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0
}
