import { describe, expect, it } from 'vitest'
import type { UserConfig } from '../../../src/config/config.ts'
import { delayRoute } from '../../../src/protocol/headers/delay-route.ts'
import { encodeTask } from '../../../src/protocol/task/encode-task.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { AnyTask } from '../../../src/tasks/task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { publishRaw, queueOnce, withChannel } from '../../support/raw-broker.ts'
import { uniqueName } from '../../support/services.ts'

const at = defineTask({ name: 'at', run: (_args, ctx) => ({ at: Date.now(), attempt: ctx.attempt }) })

interface Ran {
  readonly at: number
  readonly attempt: number
}

/** Every delay of a second or more is left to the broker. */
const NOTHING_HELD: UserConfig = { holdFor: '1s', maxHeld: 0, delayedDelivery: 'always' }

/** A worker that has declared what it needs: until then a short delay may be over. */
async function aDelayingWorker(tasks: readonly AnyTask[], config: UserConfig): Promise<WorkerScene> {
  const scene = await aWorker(tasks, config)
  await scene.logged('delays.ready')
  return scene
}

function moved(scene: WorkerScene): Promise<unknown> {
  return scene.logged('task.delayed')
}

// Side by side, since each of them waits for seconds. A delay has to be longer than the way to the worker may take.
describe.concurrent('a task that is not due', () => {
  it('waits with the broker, and runs once, at its time', async () => {
    await using scene = await aDelayingWorker([at], NOTHING_HELD)
    const sent = Date.now()
    const handle = await scene.client.send(at, [], { countdown: '5s' })
    await moved(scene)
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
    const ran = (await handle.result()) as unknown as Ran
    expect(ran.at - sent).toBeGreaterThanOrEqual(5000)
    await scene.logged('task.succeeded')
  })

  it('outlives its worker there', async () => {
    const queue = uniqueName('tasks')
    const first = await aDelayingWorker([at], { ...NOTHING_HELD, queues: [queue] })
    await using _first = first
    const handle = await first.client.send(at, [], { countdown: '8s' })
    await moved(first)
    await first.worker.stop('cold')
    await using second = await aDelayingWorker([at], { ...NOTHING_HELD, queues: [queue] })
    expect((await handle.result()) as unknown as Ran).toMatchObject({ attempt: 1 })
    await second.logged('task.succeeded')
  })

  it('is delayed again when it comes back too early, as often as it takes', async () => {
    await using scene = await aDelayingWorker([at], NOTHING_HELD)
    const eta = Date.now() + 9000
    const message = encodeTask({ id: uniqueName('id'), task: 'at', origin: 'gen1@test', eta }, { now: Date.now() })
    // Six seconds too early, and with a past in the very queues that it is to go through once more.
    await withChannel((channel) => channel.publish(delayRoute(scene.queue, 3), message, { mandatory: true }))
    await scene.logged('task.succeeded')
    expect(scene.log.entries.some(({ event }) => event === 'task.delayed')).toBe(true)
    expect(Date.now()).toBeGreaterThanOrEqual(eta)
  })

  it('goes to its own queue only, however other queues are called', async () => {
    const name = uniqueName('mail')
    await using bulk = await aDelayingWorker([at], { ...NOTHING_HELD, queues: [`bulk.${name}`] })
    await using other = await aDelayingWorker([at], { ...NOTHING_HELD, queues: [name] })
    const [one, two] = await Promise.all([
      bulk.client.send(at, [], { countdown: '5s' }),
      other.client.send(at, [], { countdown: '5s' }),
    ])
    await Promise.all([one.result(), two.result()])
    for (const scene of [bulk, other]) await queueOnce(scene.queue, ({ messages }) => messages === 0)
    for (const { log } of [bulk, other]) {
      await log.until(({ event }) => event === 'task.succeeded')
      expect(log.entries.filter(({ event }) => event === 'task.received')).toHaveLength(2)
    }
  })

  it('is held, whatever its delay, where native delayed delivery is not to be used', async () => {
    await using scene = await aWorker([at], { ...NOTHING_HELD, delayedDelivery: 'never' })
    const handle = await scene.client.send(at, [], { countdown: '8s' })
    await scene.logged('tasks.held')
    await handle.result()
    expect(scene.log.entries.some(({ event }) => event === 'task.delayed')).toBe(false)
  })

  it('is held while there is room, and left to the broker beyond', async () => {
    await using scene = await aDelayingWorker([at], { maxHeld: 3, delayedDelivery: 'always' })
    const handles = await Promise.all(Array.from({ length: 10 }, () => scene.client.send(at, [], { countdown: '8s' })))
    await scene.log.untilCount(7, ({ event }) => event === 'task.delayed')
    await Promise.all(handles.map((handle) => handle.result()))
    await scene.log.untilCount(10, ({ event }) => event === 'task.succeeded')
  })
})

describe.concurrent('a retry', () => {
  it('waits with the broker, and comes back to its queue each time', async () => {
    const flaky = defineTask({
      name: 'flaky',
      retry: { limit: 3, delay: { base: 3000, factor: 1, jitter: false } },
      run(_args, ctx) {
        if (ctx.attempt < 3) throw new Error('not yet')
        return ctx.attempt
      },
    })
    await using scene = await aDelayingWorker([flaky], NOTHING_HELD)
    const handle = await scene.client.send(flaky, [], { countdown: '8s', headers: { tenant: 'a' } })
    expect(await handle.result()).toBe(3)
    // The first wait was a message that came; the retries went there by themselves.
    expect(scene.log.entries.filter(({ event }) => event === 'task.delayed')).toHaveLength(1)
  })
})

describe.concurrent('a quorum queue', () => {
  it('has its delayed tasks wait with the broker, however short', async () => {
    const queue = uniqueName('quorum')
    await withChannel((channel) =>
      channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } }),
    )
    await using scene = await aDelayingWorker([at], { queues: [queue] })
    const eta = Date.now() + 8000
    await publishRaw(
      queue,
      encodeTask({ id: uniqueName('id'), task: 'at', origin: 'gen1@test', eta }, { now: Date.now() }),
    )
    await moved(scene)
    await scene.logged('task.succeeded')
    // The client sees what the queue is, and does not trouble the worker.
    await (await scene.client.send(at, [], { countdown: '8s' })).result()
    expect(scene.log.entries.filter(({ event }) => event === 'task.delayed')).toHaveLength(1)
  })
})

it.concurrent('takes what a Celery of 5.5 or later delays', async () => {
  await using scene = await aDelayingWorker([at], { delayedDelivery: 'always' })
  const message = encodeTask(
    { id: uniqueName('id'), task: 'at', origin: 'gen1@test', eta: Date.now() + 2000 },
    { now: Date.now() },
  )
  await withChannel((channel) => channel.publish(delayRoute(scene.queue, 2), message, { mandatory: true }))
  await scene.logged('task.succeeded')
})
