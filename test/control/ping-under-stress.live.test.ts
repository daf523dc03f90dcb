import { expect, it } from 'vitest'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

const CUTS = 20

it('answers pings while all slots are busy, and again each time its connections are cut', async () => {
  await using proxy = await FaultProxy.before(brokerUrl())
  await using caller = await PythonCaller.start({ broker: brokerUrl(), queue: uniqueName('python') })
  const go = deferred<void>()
  let runs = 0
  const blocked = defineTask({
    name: 'blocked',
    async run() {
      runs += 1
      await go.promise
      return 'done'
    },
  })
  await using scene = await aWorker([blocked], { broker: proxy.through(brokerUrl()), concurrency: 2, prefetch: 4 })
  const { node } = scene.worker
  const handles = []
  for (let n = 0; n < 4; n += 1) handles.push(await scene.client.send(blocked))
  await scene.log.untilCount(4, (record) => record.event === 'task.received')

  expect(await caller.inspect('ping', { destination: [node], timeout: 30 })).toEqual({
    [node]: { ok: 'pong' },
  })
  const shell = await runTwq(['inspect', 'ping', '-d', node, '-t', '60s', '--json', '--broker', brokerUrl()])
  expect(shell).toMatchObject({ status: 0, stderr: '' })
  expect(JSON.parse(shell.stdout)).toEqual({ [node]: { ok: 'pong' } })

  // Two connections, one that consumes and one that publishes.
  for (let cut = 1; cut <= CUTS; cut += 1) {
    await scene.log.untilCount(cut * 2, (record) => record.event === 'broker.connected')
    proxy.reset()
    await scene.log.untilCount(cut * 2, (record) => record.event === 'broker.lost')
    // What is asked before the worker is back reaches nobody.
    const replies = await pollUntil(
      `ping after cut ${cut}`,
      () => caller.broadcast('ping', { destination: [node], timeout: 2, limit: 1 }),
      (answers) => answers.length > 0,
    )
    expect(replies).toEqual([{ [node]: { ok: 'pong' } }])
  }

  go.resolve()
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(Array(4).fill('done'))
  expect(runs).toBe(4)
})
