import { expect, it } from 'vitest'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl } from '../../support/services.ts'

it('holds nothing against tasks whose worker lost its connection again and again, and lived', async () => {
  await using proxy = await FaultProxy.before(brokerUrl())
  const go = deferred<void>()
  const wait = defineTask({
    name: 'wait',
    async run() {
      await go.promise
      return 'done'
    },
  })
  await using scene = await aWorker([wait], { broker: proxy.through(brokerUrl()), concurrency: 10, prefetch: 2 })
  const handles = [await scene.client.send(wait), await scene.client.send(wait)]
  await scene.log.untilCount(2, ({ event }) => event === 'task.received')
  for (let cut = 1; cut <= 4; cut += 1) {
    proxy.reset()
    await scene.log.untilCount(1 + cut, ({ event }) => event === 'queue.declared')
    // They come again, and wait for the attempts that still run.
    await queueOnce(scene.queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
  }
  go.resolve()
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(['done', 'done'])
  await queueOnce(scene.queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
  const events = new Set(scene.log.entries.map(({ event }) => event))
  expect(events).not.toContain('task.suspected')
  expect(events).not.toContain('message.quarantined')
})
