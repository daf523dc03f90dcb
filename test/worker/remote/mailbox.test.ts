import { expect, it } from 'vitest'
import type { Channel, Connection } from '../../../src/broker/broker.ts'
import { createMemoryBroker, type MemoryBroker } from '../../../src/broker/memory/broker.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, until } from '../../../src/testing/test-worker.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

/** A broker that never answers a channel that declared a mailbox, as RabbitMQ 4 does for a minute when a queue's node is away. */
function silentAboutMailboxes(clock: ManualClock): MemoryBroker {
  const broker = createMemoryBroker({ clock })
  const quiet = (channel: Channel): Channel => {
    let silent = false
    return new Proxy(channel, {
      get(target, key) {
        const value = Reflect.get(target, key, target)
        if (typeof value !== 'function' || typeof key === 'symbol') return value?.bind?.(target) ?? value
        return (...args: { readonly name?: string }[]) => {
          silent ||= key === 'declareQueue' && args[0]?.name?.endsWith('@testing.celery.pidbox') === true
          return silent ? new Promise(() => {}) : value.apply(target, args)
        }
      },
    })
  }
  return Object.assign(Object.create(broker) as MemoryBroker, {
    async connect(options: object): Promise<Connection> {
      const connection = await broker.connect(options)
      const { openChannel } = connection
      connection.openChannel = async () => quiet(await openChannel.call(connection))
      return connection
    },
  })
}

it('tasks run while the broker does not answer for the mailbox, at the start and after a lost connection', async () => {
  const clock = new ManualClock(Date.now())
  const starting = startTestWorker({ tasks: [add], broker: silentAboutMailboxes(clock), clock })
  let isUp = false
  void starting.then(() => {
    isUp = true
  })
  while (!isUp) await clock.pass('1s')
  await using scene = await starting
  const first = await scene.client.send(add, { x: 1, y: 2 })
  expect(await until(scene, 'settled', first.id)).toMatchObject({ kind: 'succeeded', result: 3 })

  scene.broker.cutConnections()
  const sending = scene.client.send(add, { x: 3, y: 4 })
  await clock.pass('10s')
  expect(await until(scene, 'settled', (await sending).id)).toMatchObject({ kind: 'succeeded', result: 7 })
})
