import { expect, it } from 'vitest'
import type { QueueSettings } from '../../../src/protocol/queue/queue-settings.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { uniqueName } from '../../support/services.ts'
import { Journal } from '../../support/until.ts'

const quick = defineTask({ name: 'quick', run: () => null })

it.each<[string, Omit<QueueSettings, 'name'>]>([
  ['classic', {}],
  ['quorum', { type: 'quorum' }],
])('takes quick tasks of a %s queue ahead, and passes on what waits behind slow ones', async (_type, settings) => {
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
  await send('quick', 1_000)
  // Behind so many quick ones they are delivered while the window is open.
  const sent = await send('slow', 6)
  await first.log.untilCount(6, ({ event, task }) => event === 'task.received' && task === 'slow')
  await using _second = await aWorker([quick, slowIn('second')], config)
  await first.logged('tasks.passed-on')
  await started.untilCount(2, ({ by }) => by === 'second')
  open.resolve()
  await started.untilCount(6)
  await queueOnce(first.queue, ({ messages }) => messages === 0)
  // Each has run once, in one of the two.
  expect(started.entries.map(({ id }) => id).toSorted()).toEqual(sent.map(({ id }) => id).toSorted())
})
