import { expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { LeadPublisher } from '../../../src/schedules/leader/lead-publisher.ts'
import { FakeBroker, type FakeChannel } from '../../support/fake-broker.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const noLeader = (): TwqError => new TwqError('TWQ_PUBLISH_REFUSED', 'no leader')

function saying(body: string, exchange = '', headers = {}): Outgoing {
  return { route: { exchange, routingKey: 'q' }, message: { properties: {}, headers, body: Buffer.from(body) } }
}

async function aPublisher() {
  const connection = await new FakeBroker().connect()
  const lead = await connection.openChannel()
  const publisher = new LeadPublisher({
    channel: lead,
    openChannel: () => connection.openChannel(),
    limits: { largest: 100 },
    clock: systemClock,
  })
  /** Waits until so many messages were written to a channel. */
  const written = async (count: number, channel: FakeChannel | undefined): Promise<void> => {
    while (channel?.publishes.length !== count) await turn()
  }
  /** Publishes '1', and refuses it until it comes over another channel. */
  const onAnother = async () => {
    const published = publisher.publish(saying('1'))
    published.catch(() => {})
    for (const count of [1, 2, 3]) {
      await written(count, lead)
      lead.publishes.at(-1)?.answer.reject(noLeader())
    }
    while (connection.channels.length < 2) await turn()
    const another = connection.channels[1] as FakeChannel
    await written(1, another)
    return { published, another }
  }
  return { connection, lead, publisher, written, onAnother }
}

it('publishes over another channel of its connection where that of the lead refuses time and again, and stays there', async () => {
  const { lead, publisher, written, onAnother } = await aPublisher()
  const { published, another } = await onAnother()
  another.publishes[0]?.answer.resolve('confirmed')
  expect(await published).toBe('confirmed')
  const next = publisher.publish(saying('2'))
  await written(2, another)
  another.publishes[1]?.answer.resolve('confirmed')
  expect(await next).toBe('confirmed')
  expect([lead.isOpen, another.isOpen, lead.bodies]).toEqual([true, true, ['1', '1', '1']])
})

it('writes nothing more once the channel of the lead is over', async () => {
  const { lead, publisher, onAnother } = await aPublisher()
  const { published, another } = await onAnother()
  const ended = lead[Symbol.asyncDispose]()
  another.publishes[0]?.answer.reject(noLeader())
  await expect(published).rejects.toMatchObject({ code: 'TWQ_CHANNEL_CLOSED' })
  await expect(publisher.publish(saying('2'))).rejects.toMatchObject({ code: 'TWQ_CHANNEL_CLOSED' })
  await ended
  await turn()
  expect([another.bodies, another.isOpen]).toEqual([['1'], false])
})

it('ends the lead where it loses another channel with what was on its way: the next one sends that again', async () => {
  const { lead, onAnother } = await aPublisher()
  const { published, another } = await onAnother()
  another.lose(new TwqError('TWQ_CHANNEL_CLOSED', '404 NOT_FOUND'))
  await expect(published).rejects.toMatchObject({ code: 'TWQ_CHANNEL_CLOSED' })
  expect(lead.isOpen).toBe(false)
})

it('gives up a message that is refused for longer than its patience, and at once where it is too large', async () => {
  const { lead, publisher, written } = await aPublisher()
  const impatient = publisher.publish(saying('1'), 0)
  const large = new TwqError(
    'TWQ_PUBLISH_REFUSED',
    'a message of 9 bytes is larger than the 8 bytes that the broker takes',
  )
  impatient.catch(() => {})
  await written(1, lead)
  lead.publishes[0]?.answer.reject(noLeader())
  await expect(impatient).rejects.toMatchObject({ message: 'no leader' })
  const oversize = publisher.publish(saying('2'))
  lead.publishes[1]?.answer.reject(large)
  await expect(oversize).rejects.toBe(large)
})

it.each([
  ['to an exchange of its own', saying('1', 'missing')],
  ['with a header by which the broker copies it', saying('1', '', { CC: 'no list' })],
])(
  'fails a message %s that makes the broker close the channel, alone and at once, and the lead goes on',
  async (_, poison) => {
    const { connection, lead, publisher, written } = await aPublisher()
    const published = publisher.publish(poison)
    published.catch(() => {})
    const beside = publisher.publish(saying('2', 'there'))
    while (connection.channels.length < 3) await turn()
    const [, own, another] = connection.channels as [FakeChannel, FakeChannel, FakeChannel]
    await written(1, own)
    own.lose(new TwqError('TWQ_CHANNEL_CLOSED', '404 NOT_FOUND'))
    await expect(published).rejects.toMatchObject({
      code: 'TWQ_PUBLISH_REFUSED',
      message: expect.stringMatching(/404 NOT_FOUND/),
    })
    await written(1, another)
    another.publishes[0]?.answer.resolve('confirmed')
    expect(await beside).toBe('confirmed')

    const usual = publisher.publish(saying('3'))
    await written(1, lead)
    lead.publishes[0]?.answer.resolve('confirmed')
    expect(await usual).toBe('confirmed')
  },
)

it('keeps a channel for messages that may be refused in this way, and closes it with the lead', async () => {
  const { connection, lead, publisher, written } = await aPublisher()
  for (const count of [1, 2]) {
    const published = publisher.publish(saying('1', 'there'))
    while (connection.channels.length < 2) await turn()
    const own = connection.channels[1] as FakeChannel
    await written(count, own)
    own.publishes.at(-1)?.answer.resolve('confirmed')
    expect(await published).toBe('confirmed')
  }
  await lead[Symbol.asyncDispose]()
  await turn()
  expect(connection.channels.map(({ isOpen }) => isOpen)).toEqual([false, false])
  await expect(publisher.publish(saying('2', 'there'))).rejects.toMatchObject({ code: 'TWQ_CHANNEL_CLOSED' })
})

it('ends the lead where the connection is lost with what was on its way apart', async () => {
  const { connection, lead, publisher, written } = await aPublisher()
  const published = publisher.publish(saying('1', 'there'))
  while (connection.channels.length < 2) await turn()
  const own = connection.channels[1] as FakeChannel
  await written(1, own)
  own.lose(new TwqError('TWQ_CONNECTION_LOST', 'gone'))
  await expect(published).rejects.toMatchObject({ code: 'TWQ_CONNECTION_LOST' })
  expect(lead.isOpen).toBe(false)
})

it('does not write a message that is larger than the broker takes: it would close the channel', async () => {
  const { lead, publisher } = await aPublisher()
  const published = publisher.publish(saying('x'.repeat(101)))
  await expect(published).rejects.toMatchObject({
    message: expect.stringMatching(/of 101 bytes is larger than the 100/),
  })
  expect(lead.bodies).toEqual([])
})
