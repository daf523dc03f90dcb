import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row, ratio } from './comparison.ts'
import { twq } from './sides.ts'
import { now } from './stopwatch.ts'

// In milliseconds. Seldom: polling takes processor time from the measured processes.
const POLL_EVERY = 250

/**
 * P9: CPU-bound tasks with two threads or two processes against the one thread of the event loop. Worker and broker take some 3
 * ms of the same two processors per task, so the length of the tasks matters.
 */
export async function pools(arena: Arena): Promise<Row[]> {
  const rows: Row[] = []
  for (const times of [1, 4]) {
    const figures = await inTurns(arena.rounds, {
      one: () => rate(arena, times, ['--pool', 'async', '--concurrency', '1']),
      threads: () => rate(arena, times, ['--pool', 'threads', '--concurrency', '2']),
      processes: () => rate(arena, times, ['--pool', 'processes', '--concurrency', '2']),
    })
    const length = Math.round(1000 / median(figures.one))
    for (const pool of ['threads', 'processes'] as const) {
      rows.push({
        id: 'P9',
        what: `tasks that compute for ${length} ms, two ${pool} ÷ one thread`,
        measured: `${median(figures[pool]).toFixed(1)}/s against ${median(figures.one).toFixed(1)}/s`,
        figure: ratio(figures[pool], figures.one),
        unit: '×',
        target: { kind: 'at least', value: 1.8 },
      })
    }
  }
  return rows
}

/**
 * Tasks per second, from the results between two fifths, when every thread and process runs compiled code, and the last few, so
 * that no member is idle yet.
 */
async function rate(arena: Arena, times: number, flags: readonly string[]): Promise<number> {
  const { url, messages } = arena
  const count = messages / 20 / times
  const queue = `pool-${randomUUID()}`
  const replies = `${queue}-replies`
  const connection = await amqp.connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    await channel.assertQueue(replies, { durable: false })
    await preload(url, queue, count, () => celeryMessage('bench.spin', [times], replies))
    const consumer = await twq(['--prefetch', '20', ...flags])(arena, { queue })
    const arrived = async (least: number) => {
      for (;;) {
        const { messageCount } = await channel.checkQueue(replies)
        if (messageCount >= least) return { messageCount, at: now() }
        if (!consumer.running) throw new Error('the worker ended by itself')
        await sleep(POLL_EVERY)
      }
    }
    const [first, last] = [await arrived(count * 0.4), await arrived(count * 0.95)]
    await consumer.stop()
    await channel.deleteQueue(queue)
    await channel.deleteQueue(replies)
    return (last.messageCount - first.messageCount) / ((last.at - first.at) / 1000)
  } finally {
    await connection.close()
  }
}
