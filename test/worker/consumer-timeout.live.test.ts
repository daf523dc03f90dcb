import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { deferred } from '../../src/runtime/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { uniqueName } from '../support/services.ts'

let rabbit: RabbitNode

beforeAll(async () => {
  rabbit = await startRabbit({ config: { consumer_timeout: 2000 } })
  // It looks once a minute, unless told otherwise before a channel opens.
  await rabbit.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 500).')
})
afterAll(() => rabbit?.[Symbol.asyncDispose]())

it('outlives a task that runs longer than the broker waits, says so, and runs it once', async () => {
  const go = deferred<void>()
  const starts: boolean[] = []
  const long = defineTask({
    name: 'long',
    async run(_args, ctx) {
      starts.push(ctx.redelivered)
      await go.promise
      return 'done'
    },
  })
  const quick = defineTask({ name: 'quick', run: () => 'quick' })
  const queue = uniqueName('long')
  await using scene = await aWorker([long, quick], { broker: rabbit.url(), queues: [queue] })
  await using client = createClient({ broker: rabbit.url(), queue })
  const handle = await client.send(long)
  const told = await scene.logged('consumer.timeout')
  expect(told).toMatchObject({
    error: expect.stringContaining('consumer timeout of 2 s'),
    hint: expect.stringContaining('consumer_timeout'),
    tasks: [{ task: 'long', task_id: handle.id }],
  })
  // What came back waits for what runs, until it is taken back itself.
  await scene.log.untilCount(2, ({ event }) => event === 'consumer.timeout')
  expect(await (await client.send(quick)).result()).toBe('quick')
  go.resolve()
  expect(await handle.result()).toBe('done')
  expect(await scene.logged('task.ack-lost')).toMatchObject({ task: 'long', task_id: handle.id })
  expect(await (await client.send(quick)).result()).toBe('quick')
  await scene.logged('task.finished-before')
  expect(starts).toEqual([false])
})
