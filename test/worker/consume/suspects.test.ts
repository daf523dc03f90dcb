import { expect, it, onTestFinished } from 'vitest'
import type { Channel, EndedConsumer } from '../../../src/broker/broker.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession } from '../../../src/broker/session.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { Suspects } from '../../../src/worker/consume/suspects.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { pollUntil } from '../../support/until.ts'

const QUEUE = suspectsQueue('celery')
type OnCancelled = (ended: EndedConsumer) => void

/** Consumes suspects as those of a quorum queue, each consumer with its own limit. */
async function aConsumerOfSuspects() {
  const broker = createMemoryBroker()
  const session = createSession({ broker, name: 'suspects test', clock: systemClock, random: Math.random })
  await session.start()
  onTestFinished(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))
  await session.withChannel((channel) => channel.declareQueue({ name: QUEUE, durable: true }))
  /** What the broker calls when it has ended a consumer, in the order in which they were started. */
  const consumers: OnCancelled[] = []
  const ends = deferred<void>()
  const ended: string[] = []
  const suspects = new Suspects(['celery'], {
    declare: async () => ({ quorum: true }),
    careful: {
      doubts: () => false,
      prove: async () => {},
      started: (_queue, asked) => asked,
      // A consumer of a quorum queue leaves once nothing is on its way to it.
      async end({ subscription }) {
        await ends.promise
        await subscription.cancel()
      },
    },
    timeouts: { ended: async (_queue, consumed) => ended.push(consumed) > 0 },
    clock: systemClock,
    logger: silentLogger,
  })
  const receiver = { receive() {} }
  const kept = session.keep('suspects', (channel, gone) =>
    suspects.setup(recording(channel, consumers), gone, { server: session.connection!.server, receiver }),
  )
  await kept.ready
  const count = () => session.withChannel(async (channel) => (await channel.inspectQueue(QUEUE)).consumers)
  return { suspects, consumers, ends, ended, count }
}

/** A channel that collects the `onCancelled` of its consumers. */
function recording(channel: Channel, consumers: OnCancelled[]): Channel {
  return new Proxy(channel, {
    get(target, name) {
      if (name === 'consume') {
        return (...[queue, onDelivery, options]: Parameters<Channel['consume']>) => {
          if (options?.onCancelled) consumers.push(options.onCancelled)
          return target.consume(queue, onDelivery, options)
        }
      }
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const END: EndedConsumer = { disown() {} }

it('goes on with the consumer that took over when the broker ends the one before, which was leaving', async () => {
  const { suspects, consumers, ends, ended, count } = await aConsumerOfSuspects()
  suspects.spare('celery')
  await pollUntil('takeover', count, (found) => found === 2)
  consumers[0]?.(END)
  ends.resolve()
  await pollUntil('the one before has left', count, (found) => found === 1)
  // Its messages may have been taken back at a timeout: that is found out for each consumer that the broker ends.
  expect(ended).toEqual([QUEUE])
  expect(consumers).toHaveLength(2)
  await suspects.pause()
  expect(await count()).toBe(0)
})

it('restores the consumer that took over when the broker ends that one', async () => {
  const { suspects, consumers, ends, ended, count } = await aConsumerOfSuspects()
  suspects.spare('celery')
  await pollUntil('takeover', count, (found) => found === 2)
  ends.resolve()
  await pollUntil('the one before has left', count, (found) => found === 1)
  consumers[1]?.(END)
  await pollUntil('restored', count, (found) => found === 2)
  expect(ended).toEqual([QUEUE])
  expect(consumers).toHaveLength(3)
})
