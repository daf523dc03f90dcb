import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { startDevBroker } from '../../src/devbroker/server.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { PythonCaller } from '../support/python-caller.ts'

it('keeps tasks that are due later, from Python, a client and a retry, as RabbitMQ does', async () => {
  const broker = await startDevBroker()
  const flaky = defineTask({
    name: 'flaky',
    retry: { delay: { base: 3000, jitter: false } },
    run(_args, ctx) {
      if (ctx.attempt === 1) throw new Error('not yet')
      return ctx.attempt
    },
  })
  const config = { broker: broker.url, holdFor: '1s', maxHeld: 0, delayedDelivery: 'always' } as const
  const scene = await aWorker([flaky], config)
  await scene.logged('delays.ready')
  const client = createClient({ broker: broker.url, queue: scene.queue, holdFor: '1h' })
  const handle = await client.send(flaky, [], { countdown: '4s' })
  await scene.logged('task.delayed')
  expect(await handle.result()).toBe(2)
  const caller = await PythonCaller.start({ broker: broker.url })
  const options = { queue: scene.queue, countdown: 4 }
  expect(await caller.get(await caller.sendTask('flaky', [], options))).toBe(2)
  await scene.log.untilCount(2, ({ event }) => event === 'task.delayed')
  await caller[Symbol.asyncDispose]()
  await client.close()
  await scene[Symbol.asyncDispose]()
  await broker.stop()
})
