import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { spawnGuarded } from '../test/support/provision/guarded.ts'
import { type Python, python } from '../test/support/provision/python.ts'
import { answer } from './answer.ts'
import { type Arena, here } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { runProgram } from './processes.ts'
import { consumerIn, type Side, twq } from './sides.ts'
import type { BurstFigures } from './timed-calls.ts'

// Fewer rounds, since Celery takes long.
const ROUNDS = 3

/** How fast a full queue is processed by our worker, and by Celery's: late acknowledgement, results by rpc, prefetch 1000. */
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
    row(`drain with results ÷ Celery ${celeryVersion}, --pool prefork -c 2`, figures.twq, figures.prefork, 8.5),
    row(`the same ÷ Celery ${celeryVersion}, --pool threads -c 10`, figures.twq, figures.threads),
  ]
}

/** The same work by BullMQ on a private Redis: 100 jobs at once, results kept in Redis. */
export async function besideBullmq(arena: Arena): Promise<Row[]> {
  const { messages: count } = arena
  const redis = await arena.redis()
  const bullmq = async () => {
    const queue = `bullmq-${randomUUID()}`
    return (await runProgram<BurstFigures>('bullmq/drain.ts', { redis, queue, count })).perSecond
  }
  const figures = await inTurns(arena.rounds, { twq: () => answer(arena, twq(['--prefetch', '1000'])), bullmq })
  const { version } = createRequire(import.meta.url)('bullmq/package.json') as { version: string }
  return [row(`drain with results ÷ BullMQ ${version}, 100 at once, results in Redis`, figures.twq, figures.bullmq)]
}

/** Celery's worker, started by its command line. */
function celery({ command, env }: Python, flags: readonly string[]): Side {
  return async ({ url }, { queue }) => {
    const args = ['-m', 'celery', '-A', 'drain', 'worker', '--queues', queue, '--hostname', `${queue}@bench`, ...flags]
    const child = spawnGuarded(command, args, { cwd: here('python'), env: { ...env, URL: url } })
    // Unread output would fill the pipe and stop it.
    for (const output of [child.stdout, child.stderr]) output?.resume()
    return consumerIn(child)
  }
}

function row(what: string, ours: readonly number[], theirs: readonly number[], atLeast?: number): Row {
  return {
    id: 'P3',
    what,
    measured: `${rounded(median(ours))}/s against ${rounded(median(theirs))}/s`,
    figure: ratio(ours, theirs),
    unit: '×',
    ...(atLeast !== undefined && { target: { kind: 'at least', value: atLeast } }),
  }
}
