import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import { TWQ } from '../test/support/worker-process.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row } from './comparison.ts'
import { twq } from './sides.ts'
import { createStopwatch, readStopwatch } from './stopwatch.ts'

const [TASKS, WARM_UP, DURATION] = [10_000, 5000, 100]
const FLAGS = ['--concurrency', '1000', '--prefetch', '2000', '--result-backend', 'none']
const POLL_EVERY = 20

/** P10: many tasks that wait for something else, a thousand at once. They can't take less than a second. */
export async function waiting(arena: Arena): Promise<Row[]> {
  const { twq: times } = await inTurns(arena.rounds, { twq: () => waitMany(arena) })
  return [
    {
      id: 'P10',
      what: '10,000 tasks that sleep 100 ms, 1,000 at once',
      measured: `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms`,
      figure: median(times),
      unit: ' ms',
      target: { kind: 'at most', value: 1300 },
    },
  ]
}

/** From the start of the first task to the end of the last. The worker is warm, and only then consumes the full queue. */
async function waitMany(arena: Arena): Promise<number> {
  const { url, folder } = arena
  const queue = `waiting-${randomUUID()}`
  const warmUp = `${queue}-warm-up`
  const path = join(folder, `${queue}.stopwatch`)
  createStopwatch(path)
  await preload(url, queue, TASKS, () => celeryMessage('bench.nap', [DURATION], 'nobody'))
  await preload(url, warmUp, WARM_UP, () => celeryMessage('bench.warm_up', [DURATION], 'nobody'))
  const consumer = await twq(FLAGS)(arena, { queue: warmUp, stopwatch: { path, count: TASKS } })
  const connection = await amqp.connect(url)
  try {
    const channel = await connection.createChannel()
    while ((await channel.checkQueue(warmUp)).messageCount > 0) await sleep(POLL_EVERY)
    await sleep(20 * DURATION) // those that it holds
    const command = spawn(process.execPath, [TWQ, 'worker', 'resume', queue, '--broker', url], { cwd: folder })
    const [code] = (await once(command, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`the worker did not take up the queue: ${code}`)
    let { first, last } = readStopwatch(path)
    for (; last === undefined; { first, last } = readStopwatch(path)) {
      if (!consumer.running) throw new Error('the worker ended by itself')
      await sleep(POLL_EVERY)
    }
    await consumer.stop()
    for (const name of [queue, warmUp]) await channel.deleteQueue(name)
    return last - first! + DURATION
  } finally {
    await connection.close()
  }
}
