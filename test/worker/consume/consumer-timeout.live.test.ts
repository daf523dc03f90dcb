import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { endsLateConsumers } from '../../../src/broker/server-version.ts'
import { createClient } from '../../../src/client/create-client.ts'
import type { QueueSettings } from '../../../src/protocol/queue/queue-settings.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { uniqueName } from '../../support/services.ts'

let rabbit: RabbitNode
/** The queue ends its consumer, where that is a quorum queue; else the channel is closed. */
let inTheQueue = false

beforeAll(async () => {
  rabbit = await startRabbit({ config: { consumer_timeout: 2000 } })
  // It looks once a minute, unless told otherwise before a channel opens.
  await rabbit.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 500).')
  await using connection = await amqpBroker({ url: rabbit.url(), heartbeat: 10_000, name: 'test' }).connect()
  inTheQueue = endsLateConsumers(connection.server)
})
afterAll(() => rabbit?.[Symbol.asyncDispose]())

/** A task that ends when it is told to. */
function aLongTask() {
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
  return { long, starts, go }
}

const quick = defineTask({ name: 'quick', run: () => 'quick' })

describe.each(['quorum', 'classic'] as const)('in a %s queue', (type) => {
  const timesOut = (): boolean => type === 'quorum' || !inTheQueue

  it('outlives a task that runs longer than the broker waits, says so once, and runs it once', async () => {
    const { long, starts, go } = aLongTask()
    const queue: QueueSettings = { name: uniqueName('long'), type }
    await using scene = await aWorker([long, quick], { broker: rabbit.url(), queues: [queue] })
    await using client = createClient({ broker: rabbit.url(), queue: queue.name, queues: [queue] })
    const handle = await client.send(long)
    if (timesOut()) {
      expect(await scene.logged('consumer.timeout')).toMatchObject({
        error: expect.stringContaining('consumer timeout'),
        hint: expect.stringContaining('consumer_timeout'),
        tasks: [{ task: 'long', task_id: handle.id }],
      })
      // What came back waits for what runs, until it is taken back itself.
      await scene.logged('consumer.timeout-again')
    }
    expect(await (await client.send(quick)).result()).toBe('quick')
    go.resolve()
    expect(await handle.result()).toBe('done')
    if (timesOut()) {
      expect(await scene.logged('task.ack-lost')).toMatchObject({ task: 'long', task_id: handle.id })
      await scene.logged('task.finished-before')
    }
    expect(await (await client.send(quick)).result()).toBe('quick')
    expect(starts).toEqual([false])
    expect(scene.log.entries.filter(({ event }) => event === 'consumer.timeout')).toHaveLength(timesOut() ? 1 : 0)
    expect(scene.log.entries.filter(({ event }) => event === 'channel.lost')).toEqual([])
  })

  it('runs once what waited in the worker behind that task', async () => {
    const { long, starts, go } = aLongTask()
    const ran: string[] = []
    const next = defineTask({ name: 'next', run: (_args, ctx) => void ran.push(ctx.id) })
    const queue: QueueSettings = { name: uniqueName('long'), type }
    const config = { broker: rabbit.url(), queues: [queue], concurrency: 1, prefetchMultiplier: 10 }
    await using scene = await aWorker([long, next, quick], config)
    await using client = createClient({ broker: rabbit.url(), queue: queue.name, queues: [queue] })
    const first = await client.send(long)
    const others = [await client.send(next), await client.send(next), await client.send(next)]
    if (timesOut()) await scene.logged('consumer.timeout-again')
    go.resolve()
    expect(await first.result()).toBe('done')
    await Promise.all(others.map((other) => other.result()))
    expect(await (await client.send(quick)).result()).toBe('quick')
    expect(starts).toEqual([false])
    expect(ran.toSorted()).toEqual(others.map(({ id }) => id).toSorted())
    expect(scene.log.entries.filter(({ event }) => event === 'task.suspected')).toEqual([])
  })
})
