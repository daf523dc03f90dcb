import { describe, expect, it, onTestFinished } from 'vitest'
import type { Channel, Connection, Delivery } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { movedMessage } from '../../src/queues/moved-message.ts'
import { DROP, KEEP, type SweepAction, type SweepOptions, sweepQueue } from '../../src/queues/sweep-queue.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { pollUntil } from '../support/until.ts'

interface Scene {
  readonly connection: Connection
  readonly channel: Channel
  sweep(options: Partial<SweepOptions>): ReturnType<typeof sweepQueue>
  texts(queue: string): Promise<readonly string[]>
}

/** A broker with the queues `from`, which holds five messages, and `to`. */
async function aScene(): Promise<Scene> {
  const connection = await createMemoryBroker().connect()
  const channel = await connection.openChannel()
  onTestFinished(() => connection[Symbol.asyncDispose]())
  for (const name of ['from', 'to']) await channel.declareQueue({ name, durable: true })
  for (const text of ['0', '1', '2', '3', '4']) {
    const message = { properties: {}, headers: {}, body: Buffer.from(text) }
    await channel.publish({ exchange: '', routingKey: 'from' }, message)
  }
  return {
    connection,
    channel,
    sweep: (options) => sweepQueue(connection, 'from', { decide: () => KEEP, clock: systemClock, ...options }),
    async texts(queue) {
      const texts: string[] = []
      for (let got = await channel.get(queue); got !== undefined; got = await channel.get(queue)) {
        texts.push(textOf(got))
        got.ack()
      }
      return texts
    },
  }
}

function textOf({ body }: Delivery): string {
  return Buffer.from(body).toString()
}

const isOdd = (delivery: Delivery): boolean => Number(textOf(delivery)) % 2 === 1
const move = (delivery: Delivery): SweepAction => ({ kind: 'send', outgoing: movedMessage(delivery, 'to') })

describe('a sweep', () => {
  it('leaves what is kept in its place', async () => {
    const { sweep, texts } = await aScene()
    expect(await sweep({ decide: (delivery) => (isOdd(delivery) ? DROP : KEEP) })).toEqual({
      kept: 3,
      dropped: 2,
      sent: 0,
      unseen: 0,
    })
    expect(await texts('from')).toEqual(['0', '2', '4'])
  })

  it('sends in order, as many as it may look at', async () => {
    const { sweep, texts } = await aScene()
    expect(await sweep({ decide: move, limit: 3 })).toMatchObject({ sent: 3, unseen: 2 })
    expect(await texts('to')).toEqual(['0', '1', '2'])
    expect(await texts('from')).toEqual(['3', '4'])
  })

  it('ends, though what it sends comes to the same queue', async () => {
    const { sweep, texts } = await aScene()
    const again = (delivery: Delivery): SweepAction => ({ kind: 'send', outgoing: movedMessage(delivery, 'from') })
    expect(await sweep({ decide: again })).toMatchObject({ sent: 5, unseen: 0 })
    expect(await texts('from')).toEqual(['0', '1', '2', '3', '4'])
  })

  it('keeps what reaches no queue, and says so', async () => {
    const { channel, sweep, texts } = await aScene()
    await channel.deleteQueue('to')
    await expect(sweep({ decide: move })).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
    expect(await texts('from')).toEqual(['0', '1', '2', '3', '4'])
  })

  it('tries again what a full queue refuses, and goes on once there is room', async () => {
    const { channel, sweep, texts } = await aScene()
    const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' }
    await channel.declareQueue({ name: 'small', durable: true, arguments: limits })
    const taken: string[] = []
    const decide = (delivery: Delivery): SweepAction => {
      if (textOf(delivery) === '4') {
        setImmediate(() => {
          void channel.consume('small', (got) => taken.push(textOf(got)) > 0 && got.ack())
        })
      }
      return { kind: 'send', outgoing: movedMessage(delivery, 'small') }
    }
    expect(await sweep({ decide })).toMatchObject({ sent: 5, unseen: 0 })
    await pollUntil(
      'messages',
      async () => taken,
      ({ length }) => length === 5,
    )
    expect(taken.toSorted()).toEqual(['0', '1', '2', '3', '4'])
    expect(await texts('from')).toEqual([])
  })

  it('loses nothing when it is stopped', async () => {
    const { sweep, texts } = await aScene()
    const stop = new AbortController()
    const decide = (delivery: Delivery): SweepAction => {
      if (textOf(delivery) === '2') stop.abort()
      return move(delivery)
    }
    expect(await sweep({ decide, signal: stop.signal })).toMatchObject({ sent: 2, unseen: 3 })
    expect([...(await texts('to')), ...(await texts('from'))]).toEqual(['0', '1', '2', '3', '4'])
  })

  it('sends no faster than it may', async () => {
    const { sweep } = await aScene()
    const clock = new ManualClock()
    const times: number[] = []
    const began = clock.monotonic()
    const decide = (delivery: Delivery): SweepAction => {
      times.push(clock.monotonic() - began)
      // Time goes by only when somebody waits for it.
      setImmediate(() => clock.advance(500))
      return move(delivery)
    }
    expect(await sweep({ decide, clock, rate: 2, limit: 3 })).toMatchObject({ sent: 3 })
    expect(times).toEqual([0, 0, 500])
  })
})
