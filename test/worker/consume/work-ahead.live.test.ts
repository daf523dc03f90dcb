import { expect, it } from 'vitest'
import type { QueueSettings } from '../../../src/protocol/queue/queue-settings.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import type { LogRecord } from '../../support/twq-worker.ts'
import { Journal } from '../../support/until.ts'

const quick = defineTask({ name: 'quick', run: () => null })

it.each<[string, Omit<QueueSettings, 'name'>]>([
  ['classic', {}],
  ['quorum', { type: 'quorum' }],
])(
  'shares slow tasks behind quick ones of a %s queue with another worker, and runs each once',
  async (_type, settings) => {
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
    // Right behind so many quick ones they are delivered while the window is open.
    const [, sent] = await Promise.all([send('quick', 2_000), send('slow', 6)])
    await first.log.untilCount(6, ({ event, task }) => event === 'task.received' && task === 'slow')
    await using _second = await aWorker([quick, slowIn('second')], config)
    await first.logged('tasks.passed-on')
    await started.untilCount(2, ({ by }) => by === 'second')
    open.resolve()
    await started.untilCount(6)
    await queueOnce(first.queue, ({ messages }) => messages === 0)
    // Each has run once, in one of the two.
    expect(started.entries.map(({ id }) => id).toSorted()).toEqual(sent.map(({ id }) => id).toSorted())
    expect(first.log.entries.filter(({ redelivered }) => redelivered === true)).toEqual([])
  },
)

it('loses nothing, runs nothing twice and accuses no task when its connection is cut while work is ahead', async () => {
  await using proxy = await FaultProxy.before(brokerUrl())
  const runs = new Journal<string>()
  let open = deferred<void>()
  const noop = defineTask({ name: 'noop', run: (_args, { id }) => void runs.push(id) })
  const slow = defineTask({
    name: 'slow',
    async run(_args, { id }) {
      runs.push(id)
      await open.promise
    },
  })
  const config = { broker: proxy.through(brokerUrl()), concurrency: 2, resultBackend: 'none' } as const
  await using scene = await aWorker([noop, slow], config)
  const sent: string[] = []
  const send = async (name: string, count: number): Promise<string[]> => {
    const sends = Array.from({ length: count }, () => scene.client.send(name, [], { ignoreResult: true }))
    const ids = (await Promise.all(sends)).map(({ id }) => id)
    sent.push(...ids)
    return ids
  }
  let connections = 1
  const cut = async (): Promise<void> => {
    proxy.reset()
    connections += 1
    await scene.log.untilCount(connections, ({ event }) => event === 'queue.declared')
  }
  for (let round = 1; round <= 3; round += 1) {
    // While they flow, with acknowledgements on their way.
    const flowing = send('noop', 2_000)
    await runs.untilCount(sent.length + 500)
    await cut()
    await flowing
    await runs.untilCount(sent.length)
    // While more is in hand than runs: behind quick ones, the window is open again for these.
    const behind = send('noop', 1_000)
    const waiting = new Set(await send('slow', 6))
    await behind
    const inHand = ({ event, task_id, redelivered }: LogRecord): boolean =>
      event === 'task.received' && waiting.has(String(task_id)) && redelivered === false
    await scene.log.untilCount(6, inHand)
    await cut()
    open.resolve()
    await runs.untilCount(sent.length)
    open = deferred()
  }
  await queueOnce(scene.queue, ({ messages }) => messages === 0)
  expect(runs.entries.toSorted()).toEqual(sent.toSorted())
  const events = new Set(scene.log.entries.map(({ event }) => event))
  expect(events).not.toContain('task.suspected')
  expect(events).not.toContain('message.quarantined')
})
