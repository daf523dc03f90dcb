import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import { cpuTime } from './process-figures.ts'
import type { Consumer, Side } from './sides.ts'
import { createStopwatch, now, readStopwatch } from './stopwatch.ts'

/** The speed of a consumer over some tasks. */
export interface Pace {
  /** Tasks per second. */
  readonly rate: number
  /** Microseconds of the consumer's processor time per task: more stable than the rate on a busy machine. */
  readonly cpu: number
  /** The same for the broker. */
  readonly broker: number
}

/** One run of a consumer, and its second half, in which its code is compiled. */
export interface Drained extends Pace {
  readonly steady: Pace
}

/** The content of the queue, and the end of the run. */
export interface Load {
  /** `reply queue`: ends when the broker has all results in the caller's queue; `nowhere`: ends with the last task. */
  readonly results: 'reply queue' | 'nowhere'
  /** The number of tasks; by default that of the arena. */
  readonly count?: number
  readonly queueType?: 'quorum'
  /** The task that every message calls, from `worker/tasks.ts`; by default `bench.add`. */
  readonly task?: string
  /** Is called repeatedly with the measured process while it works. */
  readonly watch?: (pid: number) => void
}

/**
 * Drains a full queue. The clock starts with the first task, in the process that runs it: connecting and loading do not count.
 * Without results it stops with the last task, which only its ack follows, a frame sent in the same turn of the event loop; with
 * results, once the broker has all of them in the reply queue. Afterwards the acks are checked: nothing may be left in the queue.
 */
export async function drain(arena: Arena, side: Side, load: Load): Promise<Drained> {
  const { url, folder } = arena
  const { results, count = arena.drained, queueType, task = 'bench.add', watch } = load
  const queue = `drain-${randomUUID()}`
  const replies = `${queue}-replies`
  const path = join(folder, `${queue}.stopwatch`)
  const connection = await amqp.connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    await channel.assertQueue(replies, { durable: false })
    await preload(url, queue, count, () => celeryMessage(task, [1, 2], replies), queueType)
    createStopwatch(path)
    const consumer = await side(arena, { queue, stopwatch: { path, count } })
    const times = () => ({ cpu: cpuTime(consumer.pid), broker: arena.brokerTime() })
    const until = async (look: () => number | undefined | Promise<number | undefined>) => ({
      at: await poll(consumer, count, look, watch),
      ...times(),
    })
    const first = await until(() => readStopwatch(path).first)
    const middle = await until(() => readStopwatch(path).middle)
    let last = await until(() => readStopwatch(path).last)
    const arrived = async () => ((await channel.checkQueue(replies)).messageCount === count ? now() : undefined)
    if (results === 'reply queue') last = await until(arrived)
    await consumer.stop()
    const { messageCount: left } = await channel.checkQueue(queue)
    if (left > 0) throw new Error(`${left} messages were never acknowledged`)
    await channel.deleteQueue(queue)
    await channel.deleteQueue(replies)
    await channel.deleteQueue(`${queue}.failed`)
    const pace = (tasks: number, since: typeof first): Pace => ({
      rate: tasks / ((last.at - since.at) / 1000),
      cpu: ((last.cpu - since.cpu) * 1000) / tasks,
      broker: ((last.broker - since.broker) * 1000) / tasks,
    })
    return { ...pace(count, first), steady: pace(Math.floor(count / 2), middle) }
  } finally {
    await connection.close()
  }
}

// Often enough for an error of a few thousandths of a run, seldom enough to cost the machine nothing.
const POLL_EVERY = 5
const LONGEST_RUN = 120_000
const SLOWEST_RATE = 500

/** Polls until a value appears, as long as the consumer runs. */
async function poll(
  consumer: Consumer,
  count: number,
  look: () => number | undefined | Promise<number | undefined>,
  watch: ((pid: number) => void) | undefined,
): Promise<number> {
  const patience = LONGEST_RUN + (count / SLOWEST_RATE) * 1000
  const deadline = now() + patience
  while (now() < deadline) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (!consumer.running) throw new Error('the consumer ended by itself')
    watch?.(consumer.pid)
    await sleep(POLL_EVERY)
  }
  throw new Error(`the queue was not empty within ${patience / 1000} s`)
}
