import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { cpuTime } from './process-figures.ts'
import { type Consumer, raw, type Side, twq } from './sides.ts'
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

/** A worker that is configured with nothing but its queue, against the best that a raw loop does with the same work and prefetch 1000. */
export async function drainWithDefaults(arena: Arena): Promise<Row[]> {
  const figures = await inTurns(arena.rounds, {
    turn: () => drain(arena, raw({ acks: 'turn', results: true }), 'with results'),
    twq: () => drain(arena, twq([]), 'with results'),
  })
  return [row('defaults', 'drain, nothing configured ÷ raw at its best', figures.twq, figures.turn, 0.69)]
}

/** P11: what openTelemetry() costs where no SDK is registered: the same drains with the plugin and without any. */
export async function drainTraced(arena: Arena): Promise<Row[]> {
  const rows: Row[] = []
  for (const [kind, flags] of [
    ['without results', [...SAME_PREFETCH, '--result-backend', 'none']],
    ['with results', SAME_PREFETCH],
  ] as const) {
    const figures = await inTurns(arena.rounds, {
      plain: () => drain(arena, twq(flags), kind),
      traced: () => drain(arena, twq(flags, 'traced.config.ts'), kind),
    })
    rows.push(
      row('P11', `drain ${kind}, openTelemetry() without an SDK ÷ no plugin`, figures.traced, figures.plain, 0.95),
    )
  }
  return rows
}

/** What a consumer did with some tasks. */
interface Pace {
  /** Tasks a second. */
  readonly rate: number
  /** Microseconds of processor time that the consumer spent on each task: steadier than the rate on a busy machine. */
  readonly cpu: number
}

/** One run of a consumer, and the second half of it, in which its code is compiled. */
interface Drained extends Pace {
  readonly steady: Pace
}

/**
 * Empties a full queue, from the first delivery on. The clock starts with the first task, in the process that runs it:
 * connecting and loading are not drained messages. It stops with the last task where nothing follows it but its ack, a
 * frame that goes out in the same turn of the event loop; and with results, once the broker has all of them in the reply
 * queue. That the acks did arrive is checked afterwards: nothing may be left in the queue.
 */
async function drain(arena: Arena, side: Side, kind: 'with results' | 'without results'): Promise<Drained> {
  const { url, folder, drained: count } = arena
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
    const first = await poll(consumer, () => readStopwatch(path).first)
    const cpuAtFirst = cpuTime(consumer.pid)
    const middle = await poll(consumer, () => readStopwatch(path).middle)
    const cpuAtMiddle = cpuTime(consumer.pid)
    const last = await poll(consumer, () => readStopwatch(path).last)
    const arrived = async () => ((await channel.checkQueue(replies)).messageCount === count ? now() : undefined)
    const end = kind === 'with results' ? await poll(consumer, arrived) : last
    const cpuAtEnd = cpuTime(consumer.pid)
    await consumer.stop()
    const { messageCount: left } = await channel.checkQueue(queue)
    if (left > 0) throw new Error(`${left} messages were never acknowledged`)
    await channel.deleteQueue(queue)
    await channel.deleteQueue(replies)
    const pace = (tasks: number, since: number, cpuSince: number): Pace => ({
      rate: tasks / ((end - since) / 1000),
      cpu: ((cpuAtEnd - cpuSince) * 1000) / tasks,
    })
    return { ...pace(count, first, cpuAtFirst), steady: pace(Math.floor(count / 2), middle, cpuAtMiddle) }
  } finally {
    await connection.close()
  }
}

// Often enough to be exact to a few thousandths of a run, seldom enough to cost the machine nothing.
const POLL_EVERY = 5
const LONGEST_RUN = 120_000

/** Looks until there is something to see, as long as the consumer runs. */
async function poll(consumer: Consumer, look: () => number | undefined | Promise<number | undefined>): Promise<number> {
  const deadline = now() + LONGEST_RUN
  while (now() < deadline) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (!consumer.running) throw new Error('the consumer ended by itself')
    await sleep(POLL_EVERY)
  }
  throw new Error(`the queue was not empty within ${LONGEST_RUN / 1000} s`)
}

function row(id: string, what: string, ours: readonly Drained[], base: readonly Drained[], atLeast?: number): Row {
  const rates = (runs: readonly Pace[]) => runs.map(({ rate }) => rate)
  const told = (runs: readonly Pace[]) =>
    `${rounded(median(rates(runs)))}/s (${median(runs.map(({ cpu }) => cpu)).toFixed(0)} µs of CPU each)`
  const [ourHalf, theirHalf] = [ours, base].map((runs) => runs.map(({ steady }) => steady)) as [Pace[], Pace[]]
  const half = `${ratio(rates(ourHalf), rates(theirHalf)).toFixed(3)}×, ${told(ourHalf)} against ${told(theirHalf)}`
  return {
    id,
    what,
    measured: `${told(ours)} against ${told(base)}; second half ${half}`,
    figure: ratio(rates(ours), rates(base)),
    unit: '×',
    ...(atLeast !== undefined && { target: { kind: 'at least', value: atLeast } }),
  }
}
