import { describe, expect, it } from 'vitest'
import type { AnswerSource, PublisherOptions } from '../../../src/broker/publisher.ts'
import { createPublisher } from '../../../src/broker/publishing/session-publisher.ts'
import { createSession } from '../../../src/broker/session.ts'
import { TwqError } from '../../../src/errors.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { FakeBroker, type FakeChannel } from '../../support/fake-broker.ts'

const lost = (): TwqError => new TwqError('TWQ_CONNECTION_LOST', 'reset')
const closed = (): TwqError => new TwqError('TWQ_CHANNEL_CLOSED', '406 PRECONDITION_FAILED')
const noLeader = (): TwqError => new TwqError('TWQ_PUBLISH_REFUSED', 'no leader')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function saying(body: string, exchange = ''): Outgoing {
  return { route: { exchange, routingKey: 'q' }, message: { properties: {}, headers: {}, body: Buffer.from(body) } }
}

async function aPublisher(over: Partial<PublisherOptions> = {}) {
  const broker = new FakeBroker()
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0 })
  const publisher = createPublisher(session, { clock: systemClock, ...over })
  await session.start()
  await publisher.ready
  const channel = (): FakeChannel => {
    const open = broker.current?.channels.findLast((each) => each.isOpen)
    if (!open) throw new Error('no channel is open')
    return open
  }
  const confirm = (...bodies: string[]): void => {
    for (const body of bodies) channel().publishes[channel().bodies.indexOf(body)]?.answer.resolve('confirmed')
  }
  /** Waits until the broker got `bodies` on the newest channel, in this order. */
  const received = async (...bodies: string[]): Promise<void> => {
    const open = () => broker.current?.channels.findLast((each) => each.isOpen)
    while (open()?.bodies.join() !== bodies.join()) await turn()
  }
  const end = async (): Promise<void> => {
    await publisher[Symbol.asyncDispose]()
    await session.stop({ deadline: AbortSignal.timeout(5_000) })
  }
  return { broker, session, publisher, channel, confirm, received, end }
}

/** Refuses '1', the first of what was published over this channel, three times. */
async function refuseOften(
  channel: FakeChannel,
  received: (...bodies: string[]) => Promise<void>,
  bodies = ['1', '2'],
): Promise<void> {
  await received(...bodies)
  channel.publishes[0]?.answer.reject(noLeader())
  for (const again of [['1'], ['1', '1']]) {
    await received(...bodies, ...again)
    channel.publishes.at(-1)?.answer.reject(noLeader())
  }
}

describe('createPublisher', () => {
  it('sends again, in order and before anything newer, what a lost connection left unconfirmed', async () => {
    const { broker, publisher, confirm, received, end } = await aPublisher()
    const [first, second, third] = ['1', '2', '3'].map((body) => publisher.publish(saying(body)))
    await received('1', '2', '3')
    confirm('2')
    await second
    broker.current?.lose(lost())
    const fourth = publisher.publish(saying('4'))
    await received('1', '3', '4')
    expect(publisher.outstanding).toBe(3)
    confirm('1', '3', '4')
    expect(await Promise.all([first, third, fourth])).toEqual(['confirmed', 'confirmed', 'confirmed'])
    expect(publisher.outstanding).toBe(0)
    await end()
  })

  it('marks the message of a task that it sends again, for the broker may have it twice, and no other', async () => {
    const { broker, publisher, channel, received, end } = await aPublisher()
    const headers = { task: 'add', id: 'x', 'x-tenant': 'acme' }
    const aTask = (body: string): Outgoing => ({ ...saying(body), message: { ...saying(body).message, headers } })
    const publishing = [aTask('1'), saying('2')].map((outgoing) => publisher.publish(outgoing))
    await received('1', '2')
    broker.current?.lose(lost())
    publishing.push(publisher.publish(aTask('3')))
    await received('1', '2', '3')
    const sent = (): unknown[] => channel().publishes.map(({ message }) => message.headers)
    const marked = { ...headers, 'x-twq-redelivered': true }
    expect(sent()).toEqual([marked, {}, headers])
    broker.current?.lose(lost())
    await received('1', '2', '3')
    expect(sent()).toEqual([marked, {}, marked])
    for (const each of publishing) each.catch(() => {})
    await end()
  })

  it('takes an answer for a confirm, and sends no message again that was answered', async () => {
    const { broker, publisher, received, end } = await aPublisher()
    const sources: AnswerSource[] = [{ onAnswer: undefined }, { onAnswer: undefined }]
    const [first, second] = sources.map((answer, i) => publisher.publish(saying(String(i + 1)), { answer }))
    const third = publisher.publish(saying('3'))
    await received('1', '2', '3')
    sources[0]?.onAnswer?.answered()
    expect(await first).toBe('confirmed')
    broker.current?.lose(lost())
    sources[1]?.onAnswer?.answered()
    expect(await second).toBe('confirmed')
    await received('3')
    expect(sources).toEqual([{ onAnswer: undefined }, { onAnswer: undefined }])
    third.catch(() => {})
    await end()
    expect(publisher.outstanding).toBe(0)
  })

  it('rejects the message that the broker named and sends the others again', async () => {
    const { publisher, channel, confirm, received, end } = await aPublisher()
    const [first, culprit, last] = [saying('1'), saying('2', 'missing'), saying('3')].map((each) =>
      publisher.publish(each),
    )
    culprit?.catch(() => {})
    await received('1', '2', '3')
    channel().publishes[1]?.answer.reject(new TwqError('TWQ_QUEUE_MISSING', "no exchange 'missing'"))
    channel().lose(closed())
    await expect(culprit).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
    await received('1', '3')
    confirm('1', '3')
    await Promise.all([first, last])
    await end()
  })

  it('finds the message that closes every channel by sending the suspects one at a time', async () => {
    const { publisher, channel, confirm, received, end } = await aPublisher()
    const [first, culprit, last] = ['1', 'poison', '3'].map((body) => publisher.publish(saying(body)))
    culprit?.catch(() => {})
    await received('1', 'poison', '3')
    channel().lose(closed())
    await received('1')
    confirm('1')
    await received('1', 'poison')
    channel().lose(closed())
    await expect(culprit).rejects.toMatchObject({ code: 'TWQ_PUBLISH_REFUSED' })
    await received('3')
    confirm('3')
    await Promise.all([first, last])
    const after = ['5', '6'].map((body) => publisher.publish(saying(body)))
    await received('3', '5', '6')
    confirm('5', '6')
    await Promise.all(after)
    await end()
  })

  it('tries again what the broker does not take, while others go on', async () => {
    const { publisher, channel, confirm, received, end } = await aPublisher()
    const [refused, other] = ['1', '2'].map((body) => publisher.publish(saying(body)))
    await received('1', '2')
    channel().publishes[0]?.answer.reject(new TwqError('TWQ_PUBLISH_REFUSED', 'no leader'))
    confirm('2')
    expect(await other).toBe('confirmed')
    expect(publisher.outstanding).toBe(1)
    await received('1', '2', '1')
    channel().publishes[2]?.answer.resolve('confirmed')
    expect(await refused).toBe('confirmed')
    expect(publisher.outstanding).toBe(0)
    await end()
  })

  it('goes over another channel where one refuses a message time and again, and ends the old one after its last confirm', async () => {
    const { broker, publisher, channel, confirm, received, end } = await aPublisher()
    const [refused, other] = ['1', '2'].map((body) => publisher.publish(saying(body)))
    const first = channel()
    await refuseOften(first, received)
    while (channel() === first) await turn()
    await received('1')
    const later = publisher.publish(saying('3'))
    await received('1', '3')
    confirm('1', '3')
    expect(await Promise.all([refused, later])).toEqual(['confirmed', 'confirmed'])
    expect(first.isOpen).toBe(true)
    first.publishes[1]?.answer.resolve('confirmed')
    expect(await other).toBe('confirmed')
    while (first.isOpen) await turn()
    expect(broker.current?.channels).toHaveLength(2)
    expect(publisher.outstanding).toBe(0)
    await end()
  })

  it('sends again what was on its way on both channels when the connection is lost, and goes on over one', async () => {
    const { broker, publisher, channel, confirm, received, end } = await aPublisher()
    const published = ['1', '2'].map((body) => publisher.publish(saying(body)))
    const first = channel()
    await refuseOften(first, received)
    while (channel() === first) await turn()
    await received('1')
    broker.current?.lose(lost())
    while (broker.current?.channels[0]?.bodies.length !== 2) await turn()
    expect([...channel().bodies].sort()).toEqual(['1', '2'])
    expect(broker.current.channels).toHaveLength(1)
    confirm('1', '2')
    expect(await Promise.all(published)).toEqual(['confirmed', 'confirmed'])
    await end()
  })

  it('does not open channel after channel for a queue that refuses over the next one as well', async () => {
    // Its timers go on.
    const stopped = { ...systemClock, monotonic: () => 0 }
    const { broker, publisher, channel, received, end } = await aPublisher({ patience: 3_600_000, clock: stopped })
    const published = publisher.publish(saying('1'))
    published.catch(() => {})
    const first = channel()
    await refuseOften(first, received, ['1'])
    while (channel() === first) await turn()
    for (const refusals of [1, 2, 3]) {
      await received(...Array.from({ length: refusals }, () => '1'))
      channel().publishes.at(-1)?.answer.reject(noLeader())
    }
    await turn()
    expect(broker.current?.channels).toHaveLength(2)
    await end()
  })

  it('says that the broker does not take a message once it was tried for long enough, or is too late', async () => {
    const refusal = new TwqError('TWQ_PUBLISH_REFUSED', 'full')
    const impatient = await aPublisher({ patience: 0 })
    const patient = await aPublisher({ patience: 3_600_000 })
    for (const [{ publisher, channel, received, end }, timeout] of [
      [impatient, {}],
      [patient, { timeout: 1 }],
    ] as const) {
      const published = publisher.publish(saying('1'), timeout)
      published.catch(() => {})
      await received('1')
      channel().publishes[0]?.answer.reject(refusal)
      await expect(published).rejects.toBe(refusal)
      await end()
    }
  })

  it('waits while the broker takes no messages', async () => {
    const { broker, publisher, channel, confirm, received, end } = await aPublisher()
    broker.current?.block('low on disk')
    const published = publisher.publish(saying('1'))
    await turn()
    expect(channel().bodies).toEqual([])
    broker.current?.block(undefined)
    await received('1')
    confirm('1')
    expect(await published).toBe('confirmed')
    await end()
  })

  it.each([
    ['messages', { maxOutstanding: 2 }],
    ['bytes', { maxBytes: 10 }],
  ])('takes no more %s than it may hold', async (_, bounds) => {
    const { publisher, confirm, received, end } = await aPublisher(bounds)
    const taken = ['aaaaa', 'bbbbb'].map((body) => publisher.publish(saying(body)))
    await expect(publisher.publish(saying('c'))).rejects.toMatchObject({ code: 'TWQ_PUBLISH_OVERFLOW' })
    await received('aaaaa', 'bbbbb')
    confirm('aaaaa', 'bbbbb')
    await Promise.all(taken)
    const large = publisher.publish(saying('x'.repeat(20)))
    confirm('x'.repeat(20))
    expect(await large).toBe('confirmed')
    await end()
  })

  it('gives up on a message after its time, and does not send it again', async () => {
    const { broker, publisher, received, confirm, end } = await aPublisher()
    const late = publisher.publish(saying('late'), { timeout: 20 })
    await expect(late).rejects.toMatchObject({ code: 'TWQ_PUBLISH_TIMEOUT' })
    const reason = new Error('not any more')
    const aborter = new AbortController()
    const aborted = publisher.publish(saying('aborted'), { signal: aborter.signal })
    aborter.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    const kept = publisher.publish(saying('kept'))
    broker.current?.lose(lost())
    await received('kept')
    confirm('kept')
    await kept
    await end()
  })

  it('flushes: waits for the confirms, or as long as it may', async () => {
    const { publisher, received, confirm, end } = await aPublisher()
    expect(await publisher.flush({ deadline: AbortSignal.timeout(5_000) })).toBe(0)
    const published = publisher.publish(saying('1'))
    expect(await publisher.flush({ deadline: AbortSignal.timeout(10) })).toBe(1)
    const flushed = publisher.flush({ deadline: AbortSignal.timeout(5_000) })
    await received('1')
    confirm('1')
    await published
    expect(await flushed).toBe(0)
    await end()
  })

  it('rejects what is left when it is closed', async () => {
    const { publisher, end } = await aPublisher()
    const left = publisher.publish(saying('1'))
    left.catch(() => {})
    await end()
    await expect(left).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    await expect(publisher.publish(saying('2'))).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })
})
