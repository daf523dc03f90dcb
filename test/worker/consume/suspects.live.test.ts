import { expect, it } from 'vitest'
import { CarefulConsumers } from '../../../src/broker/channels/careful-consumers.ts'
import { DeclaringChannels } from '../../../src/broker/channels/declaring-channels.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Suspects } from '../../../src/worker/consume/suspects.ts'
import { uniqueName } from '../../support/services.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { Journal } from '../../support/until.ts'
import { aSession, broker } from './a-consumer.ts'

const COUNT = 600
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('gets no suspect of a quorum queue back because it paused in full flow', async () => {
  const name = uniqueName('paused')
  const session = await aSession()
  await session.withChannel(async (channel) => {
    const queue = suspectsQueue(name)
    await channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } })
    const message = { properties: {}, headers: {}, body: Buffer.from('suspect') }
    await Promise.all(
      Array.from({ length: COUNT }, () => channel.publish({ exchange: '', routingKey: queue }, message)),
    )
  })
  // A machine that is busy otherwise may bring nothing for a while.
  const clock = { ...systemClock, after: (ms: number, run: () => void) => systemClock.after(ms * 50, run) }
  const declaring = new DeclaringChannels({ broker: broker('declarations'), name: 'declarations', session, clock })
  const suspects = new Suspects([name], {
    declare: async () => ({ quorum: true }),
    careful: new CarefulConsumers({ declaring, giveUp: () => {}, clock: systemClock }),
    timeouts: { ended: async () => false },
    clock,
    logger: silentLogger,
  })
  const received = new Journal<{ readonly redelivered: boolean }>()
  let unanswered = 0
  const receiver = {
    receive(delivery: { readonly redelivered: boolean; ack(): boolean }) {
      received.push({ redelivered: delivery.redelivered })
      unanswered += 1
      setImmediate(() => {
        unanswered -= 1
        delivery.ack()
      })
    },
  }
  const kept = session.keep('suspects', (channel, gone) =>
    suspects.setup(channel, gone, { server: session.connection!.server, receiver }),
  )
  await kept.ready
  for (let count = 20; count < COUNT; count += 20) {
    await received.untilCount(count)
    // With its answer under way the broker sends the next one.
    while (unanswered > 0) await turn()
    await turn()
    await suspects.pause()
    await suspects.resume()
  }
  await received.untilCount(COUNT)
  expect(received.entries.filter(({ redelivered }) => redelivered)).toEqual([])
  await session.stop({ deadline: AbortSignal.timeout(5_000) })
})
