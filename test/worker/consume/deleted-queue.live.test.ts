import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { Journal } from '../../support/until.ts'

const WAITING = 5

it.each(['classic', 'quorum'] as const)(
  'runs what it holds of a %s queue that is deleted, calls no task too long, and consumes it again',
  async (type) => {
    const go = deferred<void>()
    const ran = new Journal<string>()
    const first = defineTask({ name: 'first', run: () => go.promise })
    const next = defineTask({ name: 'next', run: (_args, ctx) => ran.push(ctx.id) })
    const queue = { name: uniqueName('deleted'), type }
    await using scene = await aWorker([first, next], { queues: [queue], concurrency: 1, prefetchMultiplier: 10 })
    await scene.client.send(first)
    const ids: string[] = []
    for (let sent = 0; sent < WAITING; sent += 1) ids.push((await scene.client.send(next)).id)
    await scene.log.untilCount(WAITING + 1, ({ event }) => event === 'task.received')
    await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
    const channel = await connection.openChannel()
    await channel.deleteQueue(queue.name)
    await scene.logged('consumer.cancelled')
    go.resolve()
    await ran.untilCount(WAITING)
    expect(ran.entries.toSorted()).toEqual(ids.toSorted())
    expect(scene.log.entries.filter(({ event }) => event === 'consumer.timeout')).toEqual([])
    await scene.logged('consumer.restored')
    const last = await scene.client.send(next)
    await last.result()
    expect(ran.entries.at(-1)).toBe(last.id)
  },
)
