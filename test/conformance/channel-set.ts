import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Broker, Connection } from '../../src/broker/broker.ts'
import { ChannelSet } from '../../src/broker/channels/channel-set.ts'
import { Inbox, textOf } from './inbox.ts'

/** What channels in a row must do on every broker behind the seam. */
export function describeChannelRow(name: string, open: () => Promise<Broker>): void {
  describe(`channels in a row, on ${name}`, () => {
    let connection: Connection
    let row: ChannelSet
    let queue: string

    beforeEach(async () => {
      connection = await (await open()).connect()
      row = await ChannelSet.open(connection)
      queue = `row-${randomUUID()}`
      await using channel = await connection.openChannel()
      await channel.declareQueue({ name: queue, durable: false, exclusive: true })
    })
    afterEach(() => connection[Symbol.asyncDispose]())

    const send = async (...texts: string[]): Promise<void> => {
      await using channel = await connection.openChannel()
      for (const text of texts) {
        await channel.publish(
          { exchange: '', routingKey: queue },
          { properties: {}, headers: {}, body: Buffer.from(text) },
        )
      }
    }
    /** Consumes on the newest channel, in place of the consumer before. */
    const consume = async (count = 1) => {
      const inbox = new Inbox()
      await row.prefetch(count, 'channel')
      const subscription = await row.consume(queue, (delivery) => inbox.take(delivery))
      return { inbox, subscription }
    }

    it('leave what waits where it came, and take more on the newest', async () => {
      await send('first', 'second')
      const { inbox, subscription } = await consume()
      const waiting = await inbox.next()
      expect(await row.advance()).toBe(true)
      const after = await consume()
      await subscription.cancel()
      const second = await after.inbox.next()
      expect([waiting, second].map(textOf)).toEqual(['first', 'second'])
      expect([waiting.alive, waiting.ack(), second.ack()]).toEqual([true, true, true])
      expect((await row.inspectQueue(queue)).messages).toBe(0)
    })

    it('are closed once what they delivered is settled', async () => {
      await send('first')
      const { inbox, subscription } = await consume()
      const waiting = await inbox.next()
      await row.advance()
      await subscription.cancel()
      await row.advance()
      // Each before the newest, but for the one that consumed until now.
      expect(row.length).toBe(3)
      await row.advance()
      expect(row.length).toBe(3)
      waiting.ack()
      await row.advance()
      expect(row.length).toBe(2)
      expect(row.isOpen).toBe(true)
      // Closing it has not given anything back.
      const left = await consume()
      await send('last')
      expect(textOf(await left.inbox.next())).toBe('last')
    })

    it('end together, with the reason of the first that ends, and give everything back', async () => {
      await send('first', 'second')
      const { inbox, subscription } = await consume()
      const waiting = await inbox.next()
      await row.advance()
      await subscription.cancel()
      const second = await (await consume()).inbox.next()
      await row.inspectQueue(`missing-${queue}`).catch(() => {})
      const reason = await row.closed
      expect(reason).toMatchObject({ kind: 'lost', error: { code: 'TWQ_QUEUE_MISSING' } })
      expect([row.isOpen, waiting.alive, waiting.ack(), second.ack()]).toEqual([false, false, false, false])
      expect(await row.advance()).toBe(false)
      row = await ChannelSet.open(connection)
      const again = await consume(2)
      expect([await again.inbox.next(), await again.inbox.next()].map(textOf).sort()).toEqual(['first', 'second'])
    })

    it('are not more than a connection can well have', async () => {
      await send(...Array.from({ length: 140 }, (_, n) => `${n}`))
      let grown = true
      for (let n = 0; n < 140 && grown; n += 1) {
        const { inbox, subscription } = await consume()
        await inbox.next()
        await subscription.cancel()
        grown = await row.advance()
      }
      expect([grown, row.length]).toEqual([false, 128])
    })
  })
}
