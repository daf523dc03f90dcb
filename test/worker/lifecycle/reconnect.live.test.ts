import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { heldTask } from '../../support/held-task.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl } from '../../support/services.ts'

describe('when the connection is lost', () => {
  it('a running task goes on, and its result arrives over the next one', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const go = deferred<void>()
    const started = deferred<void>()
    const redelivered: boolean[] = []
    const slow = defineTask({
      name: 'slow',
      async run(_args, ctx) {
        redelivered.push(ctx.redelivered)
        started.resolve()
        await go.promise
        return 'finished'
      },
    })
    await using scene = await aWorker([slow], { broker: proxy.through(brokerUrl()) })
    const handle = await scene.client.send(slow)
    await started.promise
    proxy.reset()
    await scene.log.untilCount(2, (record) => record.event === 'broker.lost')
    await scene.log.untilCount(4, (record) => record.event === 'broker.connected')
    go.resolve()
    expect(await handle.result()).toBe('finished')
    // The ack was for a channel that is gone. The message came back, and its task has run.
    await queueOnce(scene.queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
    await scene.logged('task.finished-before')
    expect(redelivered).toEqual([false])
  })

  it('tasks that had not started come again, and each runs once', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const held = heldTask({ acks: 'early' })
    await using scene = await aWorker([held.task], {
      broker: proxy.through(brokerUrl()),
      concurrency: 1,
      prefetch: 10,
    })
    const handles = []
    for (let n = 0; n < 10; n += 1) handles.push(await scene.client.send(held.task, { n }))
    await scene.log.untilCount(10, (record) => record.event === 'task.received')
    proxy.reset()
    await scene.log.untilCount(19, (record) => record.event === 'task.received')
    held.release()
    expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(held.ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('a worker that can not hear the broker any more notices, and comes back', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const task = defineTask({ name: 'task', run: () => 'ran' })
    await using scene = await aWorker([task], { broker: proxy.through(brokerUrl()), heartbeat: 1_000 })
    proxy.blackhole()
    await scene.log.untilCount(2, (record) => record.event === 'broker.lost')
    proxy.heal()
    await scene.log.untilCount(4, (record) => record.event === 'broker.connected')
    expect(await (await scene.client.send(task)).result()).toBe('ran')
  })

  it('cut twenty times it consumes again each time', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const task = defineTask({ name: 'task', run: () => 'ran' })
    await using scene = await aWorker([task], { broker: proxy.through(brokerUrl()) })
    for (let cut = 1; cut <= 20; cut += 1) {
      proxy.reset()
      await scene.log.untilCount(2 + 2 * cut, (record) => record.event === 'broker.connected')
      expect(await (await scene.client.send(task)).result()).toBe('ran')
    }
  })

  it('its caller in Python gets every result, and each task is run once', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const held = heldTask()
    await using scene = await aWorker([held.task], { broker: proxy.through(brokerUrl()), concurrency: 1, prefetch: 4 })
    await using caller = await PythonCaller.start({ broker: brokerUrl(), queue: scene.queue })
    const ids: string[] = []
    for (let n = 0; n < 6; n += 1) ids.push(await caller.sendTask('numbered', [n]))
    await held.started
    proxy.reset()
    await scene.log.untilCount(4, (record) => record.event === 'broker.connected')
    held.release()
    expect(await caller.getAll(ids)).toEqual([0, 1, 2, 3, 4, 5])
    expect(held.ran.toSorted()).toEqual([0, 1, 2, 3, 4, 5])
  })
})
