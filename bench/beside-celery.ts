import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import { spawnGuarded } from '../test/support/provision/guarded.ts'
import { type Python, python } from '../test/support/provision/python.ts'
import { type Arena, here } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { consumerIn, type Side, twq } from './sides.ts'
import { now } from './stopwatch.ts'

// Celery takes its time: of more rounds nobody would see the end.
const ROUNDS = 3

/** How fast a full queue is answered by our worker, and by Celery's: late acknowledgement, results by rpc, prefetch 1000. */
export async function besideCelery(arena: Arena): Promise<Row[]> {
  const found = await python()
  const figures = await inTurns(Math.min(arena.rounds, ROUNDS), {
    twq: () => answer(arena, twq(['--prefetch', '1000'])),
    prefork: () =>
      answer(arena, celery(found, ['--pool', 'prefork', '--concurrency', '2', '--prefetch-multiplier', '500'])),
    threads: () =>
      answer(arena, celery(found, ['--pool', 'threads', '--concurrency', '10', '--prefetch-multiplier', '100'])),
  })
  const { celeryVersion } = found
  return [
    row(`drain with results ÷ Celery ${celeryVersion}, prefork, 2 processes`, figures.twq, figures.prefork),
    row(`the same ÷ Celery ${celeryVersion}, 10 threads`, figures.twq, figures.threads),
  ]
}

/** Celery's worker, as its command line starts it. */
function celery({ command, env }: Python, flags: readonly string[]): Side {
  return async ({ url }, { queue }) => {
    const args = ['-m', 'celery', '-A', 'drain', 'worker', '--queues', queue, '--hostname', `${queue}@bench`, ...flags]
    const child = spawnGuarded(command, args, { cwd: here('python'), env: { ...env, URL: url } })
    // Unread, they would fill and stop it.
    for (const output of [child.stdout, child.stderr]) output?.resume()
    return consumerIn(child)
  }
}

/** Results a second, from the first that is in the reply queue to the last. */
async function answer(arena: Arena, side: Side): Promise<number> {
  const { url, messages } = arena
  const queue = `beside-${randomUUID()}`
  const replies = `${queue}-replies`
  const connection = await amqp.connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    await channel.assertQueue(replies, { durable: false })
    await preload(url, queue, messages, () => celeryMessage('bench.add', [1, 2], replies))
    const consumer = await side(arena, { queue })
    let first: { readonly at: number; readonly count: number } | undefined
    for (;;) {
      const { messageCount: count } = await channel.checkQueue(replies)
      if (count > 0) first ??= { at: now(), count }
      if (first !== undefined && count >= messages) {
        const rate = (count - first.count) / ((now() - first.at) / 1000)
        await consumer.stop()
        return rate
      }
      if (!consumer.running) throw new Error('the worker ended by itself')
      await sleep(5)
    }
  } finally {
    await connection.close()
  }
}

function row(what: string, ours: readonly number[], theirs: readonly number[]): Row {
  const measured = `${rounded(median(ours))}/s against ${rounded(median(theirs))}/s`
  return { id: 'celery', what, measured, figure: ratio(ours, theirs), unit: '×' }
}
