import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import type { Side } from './sides.ts'
import { now } from './stopwatch.ts'

/**
 * Empties a full queue; returns the results per second, from the first in the reply queue to the last. For workers of several
 * processes or threads, none of which sees all tasks.
 */
export async function answer(arena: Arena, side: Side): Promise<number> {
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
