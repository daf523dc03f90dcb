import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row, ratio, rounded } from './comparison.ts'
import { runProgram } from './processes.ts'
import { raw, twq } from './sides.ts'
import type { BurstFigures, CallFigures } from './timed-calls.ts'

/**
 * P4: consecutive calls, our client and our worker against a raw caller, with confirms like ours or without, and a raw consumer.
 */
export async function roundTrip(arena: Arena): Promise<Row[]> {
  const { url, calls } = arena
  const queues = { raw: `call-${randomUUID()}`, twq: `call-${randomUUID()}` }
  await using _queues = await declared(url, Object.values(queues))
  const consumers = [
    await raw({ acks: 'each', results: true })(arena, { queue: queues.raw }),
    await twq([])(arena, { queue: queues.twq }),
  ]
  const slowest: number[] = []
  const rawCall = async (confirm: 'yes' | 'no') =>
    (await runProgram<CallFigures>('raw/call.ts', { url, queue: queues.raw, calls, confirm })).p50
  const figures = await inTurns(arena.rounds, {
    confirmed: () => rawCall('yes'),
    unconfirmed: () => rawCall('no'),
    twq: async () => {
      const { p50, p99 } = await runProgram<CallFigures>('twq/call.ts', { url, queue: queues.twq, calls })
      slowest.push(p99)
      return p50
    },
  })
  for (const consumer of consumers) await consumer.stop()
  const row = (what: string, base: readonly number[], aim?: number): Row => ({
    id: 'P4',
    what,
    measured: `${median(figures.twq).toFixed(2)} ms (p99 ${median(slowest).toFixed(1)}) against ${median(base).toFixed(2)} ms`,
    figure: ratio(figures.twq, base),
    unit: '×',
    ...(aim !== undefined && { target: { kind: 'at most', value: aim } }),
  })
  return [
    row('round trip of a call, p50 ÷ raw that asks for confirms', figures.confirmed, 1.1),
    row('the same ÷ raw without confirms', figures.unconfirmed),
  ]
}

/** P5: a thousand concurrent sends, each confirmed by the broker. */
export async function sending(arena: Arena): Promise<Row[]> {
  const { url, messages: calls } = arena
  const send = async (program: string) => {
    const queue = `send-${randomUUID()}`
    await using _queue = await declared(url, [queue])
    return (await runProgram<BurstFigures>(program, { url, queue, calls })).perSecond
  }
  const figures = await inTurns(arena.rounds, {
    raw: () => send('raw/publish.ts'),
    twq: () => send('twq/publish.ts'),
  })
  return [
    {
      id: 'P5',
      what: 'client.send() with confirms ÷ raw publish with confirms',
      measured: `${rounded(median(figures.twq))}/s against ${rounded(median(figures.raw))}/s`,
      figure: ratio(figures.twq, figures.raw),
      unit: '×',
      target: { kind: 'at least', value: 1 },
    },
  ]
}

/** Queues as Celery declares them, deleted afterwards. */
async function declared(url: string, queues: readonly string[]): Promise<AsyncDisposable> {
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  for (const queue of queues) await channel.assertQueue(queue, { durable: true })
  return {
    async [Symbol.asyncDispose]() {
      for (const queue of queues) await channel.deleteQueue(queue)
      await connection.close()
    },
  }
}
