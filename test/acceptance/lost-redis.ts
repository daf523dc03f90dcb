import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { celeryMessage, preload } from '../support/celery-message.ts'
import { Ledger, type Verdict } from '../support/ledger.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'
import { fresh, messagesIn, runPython, type Scene, startWorker, untilDrained } from './scene.ts'

/** How a Redis is away: its process gone and its port closed, or connections open and nothing answered. */
export type Absence = 'stopped' | 'frozen'

/** Results as Python's clients find them. */
export interface ResultCount {
  readonly right: number
  readonly wrong: number
  readonly missing: number
}

/** What became of tasks whose results could not be stored for a while. */
export interface LostRedisReport {
  readonly verdict: Verdict
  /** How many tasks had yet to start when the Redis came back. */
  readonly remaining: number
  /** In the end. */
  readonly results: ResultCount
  /** Milliseconds from the moment the Redis was let come back to the first start of a task. */
  readonly backAfter: number
  /** The worker's exit status: it is the same from start to end. */
  readonly exit: number | null
  readonly left: number
}

// Slots × duration make 1,000 tasks a second: the Redis is gone long before they are done.
const SLOTS = 20
const DURATION = 20

/** Fills a queue, and takes the Redis away when a third of the tasks has started, for so many seconds. */
export async function loseTheRedis(
  scene: Scene,
  { absence, tasks, seconds }: { absence: Absence; tasks: number; seconds: number },
): Promise<LostRedisReport> {
  await using redis = await startRedis({ durable: true })
  const queue = `lost-redis-${randomUUID()}`
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const sent = await preload(scene.url, queue, tasks, () => celeryMessage('acceptance.work', [DURATION], 'nobody'))
  const ids = fresh(scene, 'ids')
  await writeFile(ids, sent.join('\n'))
  const count = async () => JSON.parse(await runPython(scene, 'read_results.py', redis.url, ids)) as ResultCount
  await using worker = await startWorker(scene, {
    queue,
    ledger: ledger.path,
    flags: ['--concurrency', String(SLOTS), '--result-backend', redis.url],
  })
  await ledger.until(({ starts }) => starts.length >= tasks / 3, 'a third of the tasks')
  await takeAway(redis, absence)
  await sleep(seconds * 1000)
  const backAt = Date.now()
  await bringBack(redis, absence)
  const startedAfter = () => ledger.starts.find(({ at }) => at >= backAt)
  await ledger.until(() => startedAfter() !== undefined, 'a start after the return')
  const first = startedAfter()!
  const before = new Set(ledger.starts.filter(({ at }) => at < backAt).map(({ id }) => id))
  await ledger.until(({ ended }) => ended.size >= tasks, `the end of ${tasks} tasks`)
  await untilDrained(scene.url, queue)
  const exit = await worker.stop()
  return {
    verdict: ledger.judge(sent),
    remaining: tasks - before.size,
    results: await count(),
    backAfter: first.at - backAt,
    exit,
    left: await messagesIn(scene.url, queue),
  }
}

async function takeAway(redis: RedisServer, absence: Absence): Promise<void> {
  if (absence === 'frozen') redis.pause()
  else await redis.stop()
}

async function bringBack(redis: RedisServer, absence: Absence): Promise<void> {
  if (absence === 'frozen') redis.resume()
  else await redis.start()
}
