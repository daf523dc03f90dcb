import { beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { QueueSettings } from '../../../src/protocol/queue/queue-settings.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { sharesPrefetch } from '../../../src/worker/request/prefetch.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { Journal } from '../../support/until.ts'

const quick = defineTask({ name: 'quick', run: () => null })

let hasWindow: boolean

beforeAll(async () => {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  hasWindow = sharesPrefetch(connection.server, false)
})

it.each<[string, Omit<QueueSettings, 'name'>]>([
  ['classic', {}],
  ['quorum', { type: 'quorum' }],
])(
  'shares slow tasks behind quick ones of a %s queue with another worker, and runs each once',
  async (type, settings) => {
    const open = deferred<void>()
    const started = new Journal<{ readonly id: string; readonly by: string }>()
    const slowIn = (by: string) =>
      defineTask({
        name: 'slow',
        async run(_args, { id }) {
          started.push({ id, by })
          await open.promise
        },
      })
    const config = { queues: [{ name: uniqueName('ahead'), ...settings }], concurrency: 2, resultBackend: 'none' }
    await using first = await aWorker([quick, slowIn('first')], config)
    const send = (name: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => first.client.send(name, [], { ignoreResult: true })))
    const takesAhead = hasWindow && type === 'classic'
    await send('quick', 1_000)
    // Behind so many quick ones they are delivered while the window is open.
    const sent = await send('slow', 6)
    const inHand = takesAhead ? 6 : 2
    await first.log.untilCount(inHand, ({ event, task }) => event === 'task.received' && task === 'slow')
    await using _second = await aWorker([quick, slowIn('second')], config)
    if (takesAhead) await first.logged('tasks.passed-on')
    await started.untilCount(2, ({ by }) => by === 'second')
    open.resolve()
    await started.untilCount(6)
    await queueOnce(first.queue, ({ messages }) => messages === 0)
    // Each has run once, in one of the two.
    expect(started.entries.map(({ id }) => id).toSorted()).toEqual(sent.map(({ id }) => id).toSorted())
    // Where a limit changes by consuming anew, that would return what is on its way: so it does not change.
    if (!takesAhead) expect(first.log.entries.filter(({ redelivered }) => redelivered === true)).toEqual([])
  },
)
