import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession } from '../../../src/broker/session.ts'
import { encodeResult } from '../../../src/protocol/result/result.ts'
import { ReplyQueue } from '../../../src/results/rpc/reply-queue.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'

/** A reply queue whose session is never started: nothing arrives. */
const aReplyQueue = (mostFollowed: number) => {
  const broker = amqpBroker({ url: 'amqp://localhost//', heartbeat: 0, name: 'test' })
  const session = createSession({ broker, name: 'test', clock: systemClock, random: Math.random })
  return new ReplyQueue(session, undefined, { mostFollowed })
}

async function aStartedSession(broker: Broker) {
  const session = createSession({ broker, name: 'test', clock: systemClock, random: Math.random })
  await session.start()
  return { session, [Symbol.asyncDispose]: () => session.stop({ deadline: AbortSignal.timeout(5_000) }) }
}

describe('a reply queue', () => {
  it('has a name of its own', () => {
    expect(aReplyQueue(1).name).toMatch(/^twq\.reply\.[0-9a-f-]{36}$/)
    expect(aReplyQueue(1).name).not.toBe(aReplyQueue(1).name)
  })

  it('follows a task once, however often it is sent under the same id', () => {
    const replies = aReplyQueue(1)
    expect(replies.follow('a')).toBe(replies.follow('a'))
  })

  it('lets the oldest task go when it follows too many, but none that somebody waits for', () => {
    const replies = aReplyQueue(3)
    const events: string[] = []
    const awaited = replies.follow('awaited')
    awaited.listen((event) => events.push(`awaited ${event.kind}`))
    const [first, second] = [replies.follow('first'), replies.follow('second')]
    replies.follow('third')
    first.listen((event) => events.push(`first ${event.kind} ${event.kind === 'broken' && event.error.message}`))
    second.listen((event) => events.push(`second ${event.kind}`))
    expect(events).toEqual(['first broken too many tasks without a result: first is no longer followed'])
    expect(replies.follow('awaited')).toBe(awaited)
  })

  it('follows as many as somebody waits for, and each further one costs no more', () => {
    const replies = aReplyQueue(20_000)
    const ignore = () => {}
    // A search of all of them for each further one takes a quarter of an hour.
    for (let number = 0; number < 40_000; number += 1) replies.follow(`t${number}`).listen(ignore)
    expect(replies.follow('t0').hasListeners).toBe(true)
  })

  it('follows more than its bound when somebody waits for each', () => {
    const replies = aReplyQueue(2)
    const feeds = ['a', 'b', 'c', 'd'].map((id) => {
      const feed = replies.follow(id)
      feed.listen(() => {})
      return feed
    })
    expect(['a', 'b', 'c', 'd'].map((id) => replies.follow(id))).toEqual(feeds)
  })

  it('keeps finished results for those who ask by id, up to a number and up to bytes', async () => {
    const broker = createMemoryBroker()
    await using started = await aStartedSession(broker)
    const replies = new ReplyQueue(started.session, undefined)
    await replies.open(AbortSignal.timeout(60_000), { quorum: false })
    const channel = await (await broker.connect()).openChannel()
    const finish = async (taskId: string, bytes: number): Promise<void> => {
      const over = new Promise<void>((resolve) => replies.follow(taskId).listen(() => resolve()))
      const record = { taskId, state: 'SUCCESS', result: 'x'.repeat(bytes), traceback: null, children: [] } as const
      const properties = { contentType: 'application/json', contentEncoding: 'utf-8', correlationId: taskId }
      await channel.publish(
        { exchange: '', routingKey: replies.name },
        { properties, headers: {}, body: encodeResult(record) },
      )
      await over
    }
    const kept = (ids: readonly string[]) =>
      ids.filter((id) => {
        try {
          return replies.find(id).isOver
        } catch {
          return false
        }
      })
    const MiB = 1024 * 1024
    const large = ['a', 'b', 'c', 'd', 'e']
    for (const id of large) await finish(id, 15 * MiB)
    expect(kept(large)).toEqual(['b', 'c', 'd', 'e'])
    await replies.drop('b')
    await finish('f', 15 * MiB)
    expect(kept([...large, 'f'])).toEqual(['c', 'd', 'e', 'f'])
    const small = Array.from({ length: 1_001 }, (_, number) => `s${number}`)
    for (const id of small) await finish(id, 1)
    expect(kept([...large, 'f', ...small])).toEqual(small.slice(1))
  })
})
