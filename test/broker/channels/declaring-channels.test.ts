import { expect, it } from 'vitest'
import type { Broker, Connection } from '../../../src/broker/broker.ts'
import { DeclaringChannels } from '../../../src/broker/channels/declaring-channels.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession } from '../../../src/broker/session.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

it('stays with the connection that it opened after a lost one, also once the last question on that has ended', async () => {
  const clock = new ManualClock()
  const memory = createMemoryBroker({ clock })
  const connections: Connection[] = []
  const broker: Broker = {
    ...memory,
    async connect(options) {
      const connection = await memory.connect(options)
      connections.push(connection)
      return connection
    },
  }
  const session = createSession({ broker: memory, name: 'test', clock, random: Math.random })
  const declaring = new DeclaringChannels({ broker, name: 'test declares', session, clock })
  /** A question that ends when it is told to. */
  const ask = () => {
    const [begun, end] = [deferred<void>(), deferred<void>()]
    const ended = declaring.withChannel(async () => {
      begun.resolve()
      await end.promise
    })
    return { begun: begun.promise, end: end.resolve, ended }
  }

  const first = ask()
  await first.begun
  connections[0]?.destroy(new Error('cut'))
  await connections[0]?.closed
  const second = ask()
  await second.begun
  expect(connections).toHaveLength(2)
  first.end()
  await first.ended
  // Less than a question may take, more than an idle connection is kept.
  await clock.advance(1_500)
  const third = ask()
  await third.begun
  expect(connections).toHaveLength(2)

  for (const { end } of [second, third]) end()
  await Promise.all([second.ended, third.ended])
  await declaring[Symbol.asyncDispose]()
  await connections[1]?.closed
})
