import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Channel } from 'amqplib'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { raw, type Side, twq } from './sides.ts'
import { createStopwatch, now, readStopwatch } from './stopwatch.ts'

const SAME_PREFETCH = ['--prefetch', '1000']

/** P1: how fast a full queue is emptied when nobody wants results. */
export async function drainWithoutResults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    each: () => drain(arena, raw({ acks: 'each', results: false }), 'without results'),
    turn: () => drain(arena, raw({ acks: 'turn', results: false }), 'without results'),
    twq: () => drain(arena, twq([...SAME_PREFETCH, '--result-backend', 'none']), 'without results'),
  })
  return [
    row('P1', 'drain, late ack, no results ÷ raw, one ack per message', figures.twq, figures.each, 1),
    row('P1', 'the same ÷ raw, acks once per turn of the event loop', figures.twq, figures.turn),
  ]
}

/** P2: the same with rpc results: ours confirmed before the ack, those of the raw loop not confirmed at all. */
export async function drainWithResults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    each: () => drain(arena, raw({ acks: 'each', results: true }), 'with results'),
    turn: () => drain(arena, raw({ acks: 'turn', results: true }), 'with results'),
    twq: () => drain(arena, twq(SAME_PREFETCH), 'with results'),
  })
  return [
    row('P2', 'drain, results confirmed ÷ raw, results unconfirmed', figures.twq, figures.each, 0.8),
    row('P2', 'the same ÷ raw, acks once per turn of the event loop', figures.twq, figures.turn),
  ]
}

/** Our defaults, which hold no more messages than may run at once, against the best that a raw loop does with the same work. */
export async function drainWithDefaults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    turn: () => drain(arena, raw({ acks: 'turn', results: true }), 'with results'),
    twq: () => drain(arena, twq([]), 'with results'),
  })
  return [row('defaults', 'drain as configured by nobody ÷ raw at its best', figures.twq, figures.turn)]
}

/**
 * Tasks a second, from the first delivery to the empty queue. The clock starts with the first task, in the process that
 * runs it: connecting and loading are not drained messages. It stops with the last task where nothing follows it but its
 * ack, a frame that goes out in the same turn of the event loop; and with results, once the broker has all of them in the
 * reply queue. That the acks did arrive is checked afterwards: nothing may be left in the queue.
 */
async function drain(arena: Arena, side: Side, kind: 'with results' | 'without results'): Promise<number> {
  const { url, folder, messages: count } = arena
  const queue = `drain-${randomUUID()}`
  const replies = `${queue}-replies`
  const path = join(folder, `${queue}.stopwatch`)
  const connection = await amqp.connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    await channel.assertQueue(replies, { durable: false })
    await preload(url, queue, count, () => celeryMessage('bench.add', [1, 2], replies))
    createStopwatch(path)
    const consumer = await side(arena, { queue, stopwatch: { path, count } })
    const end = await untilDone({
      channel,
      replies: kind === 'with results' ? replies : undefined,
      path,
      count,
      consumer,
    })
    await consumer.stop()
    const { messageCount: left } = await channel.checkQueue(queue)
    if (left > 0) throw new Error(`${left} messages were never acknowledged`)
    await channel.deleteQueue(queue)
    await channel.deleteQueue(replies)
    return count / ((end - readStopwatch(path).first!) / 1000)
  } finally {
    await connection.close()
  }
}

// Often enough to be exact to a few thousandths of a run, seldom enough to cost the broker nothing.
const POLL_EVERY = 5
const LONGEST_RUN = 120_000

/** The moment at which the last task had run, and its result had arrived where results are wanted. */
async function untilDone(run: {
  readonly channel: Channel
  readonly replies: string | undefined
  readonly path: string
  readonly count: number
  readonly consumer: { readonly running: boolean }
}): Promise<number> {
  const deadline = now() + LONGEST_RUN
  while (now() < deadline) {
    const { last } = readStopwatch(run.path)
    if (last !== undefined) {
      if (run.replies === undefined) return last
      const { messageCount } = await run.channel.checkQueue(run.replies)
      if (messageCount === run.count) return now()
    }
    if (!run.consumer.running) throw new Error('the consumer ended by itself')
    await sleep(POLL_EVERY)
  }
  throw new Error(`${run.count} messages were not done within ${LONGEST_RUN / 1000} s`)
}

function row(id: string, what: string, ours: readonly number[], base: readonly number[], atLeast?: number): Row {
  return {
    id,
    what,
    measured: `${rounded(median(ours))}/s against ${rounded(median(base))}/s`,
    figure: ratio(ours, base),
    unit: '×',
    ...(atLeast !== undefined && { target: { kind: 'at least', value: atLeast } }),
  }
}
