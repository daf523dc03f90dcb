import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { Redis } from 'ioredis'
import { fresh, messagesIn, startWorker } from '../acceptance/scene.ts'
import { celeryMessage } from '../support/celery-message.ts'
import { Ledger } from '../support/ledger.ts'
import { writeGarbage } from './garbage-in-redis.ts'
import { hostileMessage } from './hostile.ts'
import { HostilePublisher } from './publisher.ts'
import { Random } from './random.ts'

/** What is done. */
export interface FuzzOptions {
  readonly url: string
  /** The Redis for results; without it they go by rpc. */
  readonly redis?: string | undefined
  readonly folder: string
  readonly seed: number
  readonly messages: number
  readonly pool: 'async' | 'processes'
  /** Hears of each thousand. */
  readonly onProgress?: (line: string) => void
}

/** What became of it. All but `growth`, `refused` and `quarantined` must be 0. */
export interface FuzzReport {
  readonly messages: number
  readonly good: number
  /** How often the worker ended by itself. */
  readonly deaths: number
  /** Ordinary tasks in between that did not run. */
  readonly lost: number
  /** Messages that were neither acknowledged nor set aside. */
  readonly stuck: number
  /** Megabytes that the worker's resident memory grew by from message 10,000 (or the middle of fewer) to the end. */
  readonly growth: number
  /** Messages that the broker, or the library that sends, would not take. */
  readonly refused: number
  readonly quarantined: number
}

const BATCH = 50
const PATIENCE = 60_000
// As the first samples: what a collection of garbage makes of one says little.
const SAMPLES = 11

/** Sends hostile messages of every kind to one worker, an ordinary task after every fifty. Deterministic in what is sent. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { url, redis: redisUrl, messages, pool, onProgress } = options
  const random = new Random(options.seed)
  const queue = `fuzz-${options.seed}-${randomUUID().slice(0, 8)}`
  const ledger = new Ledger(fresh(options, 'ledger'))
  const flags = [
    '--pool',
    pool,
    '--concurrency',
    pool === 'async' ? '10' : '2',
    '--result-backend',
    redisUrl ?? 'rpc://',
  ]
  const start = () => startWorker(options, { queue, ledger: ledger.path, flags })
  let worker = await start()
  await using publisher = new HostilePublisher(url)
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl)
  const connection = await amqp.connect(url)
  try {
    const channel = await connection.createConfirmChannel()
    const replies = `${queue}-replies`
    await channel.assertQueue(replies, { durable: false, exclusive: true, arguments: { 'x-max-length': 1_000 } })
    const targets = { queue, replies: [replies] }
    const from = Math.min(10_000, Math.floor(messages / 2))
    const before: number[] = []
    const after: number[] = []
    let [deaths, lost, good] = [0, 0, 0]
    for (let sent = 0; sent < messages; ) {
      for (const end = Math.min(messages, sent + BATCH); sent < end; sent += 1) {
        if (redis !== undefined && random.chance(0.1)) await writeGarbage(redis, random)
        await publisher.publish(hostileMessage(random, targets))
      }
      await publisher.flush()
      const { id, body, options: plain } = celeryMessage('acceptance.work', [0], replies)
      channel.sendToQueue(queue, body, plain)
      await channel.waitForConfirms()
      good += 1
      const ran = await ledger
        .until(({ ended }) => ended.has(id), `good task ${good}`, PATIENCE)
        .then(
          () => true,
          () => false,
        )
      if (!ran) lost += 1
      if (!worker.running) {
        deaths += 1
        onProgress?.(`the worker died before message ${sent}:\n${worker.logTail()}`)
        worker = await start()
      }
      if (sent >= from) (before.length < SAMPLES ? before : after).push(residentMegabytes(worker.pid))
      if (sent % 1_000 === 0)
        onProgress?.(`${sent} messages, deaths ${deaths}, lost ${lost}, ${residentMegabytes(worker.pid)} MB`)
    }
    await untilIdle(url, queue)
    const running = worker.running
    const status = running ? await worker.stop() : undefined
    if (status !== 0) deaths += 1
    const stuck = (await messagesIn(url, queue)) + (await messagesIn(url, `${queue}.suspects`))
    const quarantined = await messagesIn(url, `${queue}.quarantine`)
    const growth = median(after.slice(-SAMPLES)) - median(before)
    return {
      messages,
      good,
      deaths,
      lost,
      stuck,
      growth,
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
  return deaths === 0 && lost === 0 && stuck === 0 && growth < 40
}

/** Until the queue stays empty, though not for ever: what is stuck stays. */
async function untilIdle(url: string, queue: string): Promise<void> {
  for (let round = 0, empty = 0; round < 300 && empty < 20; round += 1) {
    const waiting = (await messagesIn(url, queue)) + (await messagesIn(url, `${queue}.suspects`))
    empty = waiting === 0 ? empty + 1 : 0
    await sleep(100)
  }
}

function residentMegabytes(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kilobytes) / 1024)
  } catch {
    return 0
  }
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0
}
