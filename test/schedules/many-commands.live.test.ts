import { expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel } from '../../src/broker/broker.ts'
import { declareLeaderQueue } from '../../src/queues/companions.ts'
import { withChannel } from '../../src/queues/queue-access.ts'
import { encodeCommand } from '../../src/schedules/state/command.ts'
import { MESSAGE_TYPES, schedulesMessage } from '../../src/schedules/state/messages.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const tick = defineTask({ name: 'tick', run: () => {} })

it.each([false, true])(
  'leads with more commands in its queue than are delivered at once (a quorum queue: %s)',
  async (quorum) => {
    const settings = { broker: brokerUrl(), schedulesNamespace: uniqueName('many') }
    const queue = `twq.schedules.${settings.schedulesNamespace}`
    await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
    const lend = { withChannel: <T>(use: (channel: Channel) => Promise<T>) => withChannel(connection, use) }
    await declareLeaderQueue(lend, queue, { quorum })
    await withChannel(connection, (channel) =>
      Promise.all(
        Array.from({ length: 25_000 }, (_, index) => {
          const command = encodeCommand({ id: `command ${index}`, method: 'pause', name: 'none' })
          const message = schedulesMessage(MESSAGE_TYPES.command, command)
          return channel.publish({ exchange: '', routingKey: queue }, message)
        }),
      ),
    )
    await using scene = await aWorker([tick], { ...settings, schedules: { good: { task: 'tick', every: '1s' } } })
    await scene.logged('schedule.sent')
    expect(scene.log.entries.filter(({ event }) => event === 'schedules.command')).toHaveLength(25_000)
  },
)
