import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { AnyTask } from '../../../src/tasks/task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { probe, probeUntil } from '../../support/probes.ts'
import { queueOnce, withChannel } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

const task = defineTask({ name: 'task', run: () => 'ran' })

/** A worker that answers probes on `port`. */
async function aProbedWorker(tasks: readonly AnyTask[], config: UserConfig = {}, options = {}) {
  const scene = await aWorker(tasks, { health: '127.0.0.1:0', ...config }, options)
  const port = async () => Number((await scene.logged('health.listening')).port)
  return { scene, port }
}

// Side by side: most of the time each waits for a connection to come back.
describe.concurrent('a worker', () => {
  it('that is cut off twenty times is not ready each time, and ready again each time', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const { scene, port: listening } = await aProbedWorker([task], { broker: proxy.through(brokerUrl()) })
    await using _scene = scene
    const port = await listening()
    expect((await probe(port, '/readyz')).failing).toEqual([])
    for (let cut = 1; cut <= 20; cut += 1) {
      proxy.refuse()
      proxy.reset()
      expect((await probeUntil(port, '/readyz', 503)).failing).not.toEqual([])
      expect((await probe(port, '/livez')).status).toBe(200)
      proxy.heal()
      await probeUntil(port, '/readyz', 200)
      expect(await (await scene.client.send(task)).result()).toBe('ran')
    }
  })

  it('that hears nothing from the broker is not ready, though its connection stands', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const config = { broker: proxy.through(brokerUrl()), heartbeat: 2_000 }
    const { scene, port: listening } = await aProbedWorker([task], config)
    await using _scene = scene
    const port = await listening()
    proxy.blackhole()
    expect((await probeUntil(port, '/readyz', 503)).failing).toContain('broker')
    expect((await probe(port, '/startupz')).status).toBe(200)
    proxy.heal()
    await probeUntil(port, '/readyz', 200)
  })

  it('whose queue was deleted, and can not be made again, is not ready until it can', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    const { scene, port: listening } = await aProbedWorker([task], { broker: proxy.through(brokerUrl()) })
    await using _scene = scene
    const port = await listening()
    const { queue } = scene
    {
      await using other = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'other' }).connect()
      await using channel = await other.openChannel()
      // So that it is too late when the worker hears of it.
      proxy.blackhole()
      await channel.deleteQueue(queue)
      await channel.declareQueue({ name: queue, durable: false, exclusive: true })
      proxy.heal()
      expect((await probeUntil(port, '/readyz', 503)).body).toContain(queue)
    }
    await probeUntil(port, '/readyz', 200)
    expect(await (await scene.client.send(task)).result()).toBe('ran')
  })

  it('whose consumer the broker has ended has another one when it is ready', async () => {
    const { scene, port } = await aProbedWorker([task])
    await using _scene = scene
    await withChannel((channel) => channel.deleteQueue(scene.queue))
    await scene.logged('consumer.restored')
    await probeUntil(await port(), '/readyz', 200)
    await queueOnce(scene.queue, ({ consumers }) => consumers === 1)
  })

  it('is live but neither started nor ready while there is no broker', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    proxy.refuse()
    const config = { broker: proxy.through(brokerUrl()) }
    const { scene, port: listening } = await aProbedWorker([task], config, { started: false })
    await using _scene = scene
    const started = scene.worker.start()
    const port = await listening()
    expect((await probe(port, '/startupz')).failing).toEqual(['startup'])
    expect((await probe(port, '/readyz')).failing).toEqual(['startup', 'connection', 'publisher'])
    expect((await probe(port, '/livez')).status).toBe(200)
    proxy.heal()
    await started
    for (const path of ['/startupz', '/readyz', '/livez']) expect((await probe(port, path)).status).toBe(200)
  })

  it('that drains is live but not ready, and answers to its end', async () => {
    const running = deferred<void>()
    const go = deferred<void>()
    const slow = defineTask({
      name: 'slow',
      async run() {
        running.resolve()
        await go.promise
      },
    })
    const { scene, port: listening } = await aProbedWorker([slow])
    await using _scene = scene
    const port = await listening()
    await scene.client.send(slow)
    await running.promise
    const stopped = scene.worker.stop('warm')
    expect((await probe(port, '/readyz')).failing).toContain('draining')
    expect((await probe(port, '/livez')).status).toBe(200)
    await scene.logged('worker.draining')
    expect(JSON.parse((await probe(port, '/info')).body)).toMatchObject({ live: true, ready: false, active: 1 })
    go.resolve()
    await stopped
    await expect(probe(port, '/livez')).rejects.toThrow('ECONNREFUSED')
  })

  it('counts for Prometheus what becomes of its tasks, by registered names only', async () => {
    const fails = defineTask({
      name: 'fails',
      run() {
        throw new Error('no')
      },
    })
    const { scene, port: listening } = await aProbedWorker([task, fails])
    await using _scene = scene
    const port = await listening()
    const name = uniqueName('nobody')
    await (await scene.client.send(task)).result()
    for (const unhappy of [fails.name, name]) {
      await expect((await scene.client.send(unhappy, [])).result()).rejects.toThrow()
    }
    await scene.logged('task.failed')
    await scene.logged('message.quarantined')
    const { body } = await probe(port, '/metrics')
    const lines = body.split('\n')
    for (const line of [
      'twq_tasks_total{task="task",state="succeeded"} 1',
      'twq_tasks_total{task="fails",state="failed"} 1',
      'twq_task_duration_seconds_count{task="task",state="succeeded"} 1',
      'twq_task_queue_wait_seconds_count{task="task",from="sent"} 1',
      'twq_quarantined_total{task="unknown"} 1',
      'twq_broker_connected{connection="consumer"} 1',
      'twq_ready 1',
    ]) {
      expect(lines).toContain(line)
    }
    expect(body).not.toContain(name)
  })

  it('tells Prometheus how many messages wait, were set aside, and have failed, and takes none', async () => {
    const go = deferred<void>()
    const slow = defineTask({ name: 'slow', run: () => go.promise })
    const bad = defineTask({
      name: 'bad',
      run() {
        throw new RangeError('no luck')
      },
    })
    const { scene, port: listening } = await aProbedWorker([slow, bad], { concurrency: 1, prefetch: 1 })
    await using _scene = scene
    const port = await listening()
    await scene.client.send('nobody', [])
    await scene.logged('message.quarantined')
    await scene.client.send(bad)
    await scene.logged('task.failed')
    for (let sent = 0; sent < 4; sent += 1) await scene.client.send(slow)
    await scene.log.until(({ event, task }) => event === 'task.received' && task === 'slow')
    // On a machine that is busy the answers may miss the first scrape.
    let lines: string[]
    do lines = (await probe(port, '/metrics')).body.split('\n')
    while (!lines.some((line) => line.startsWith('twq_failed_messages{')))
    expect(lines).toContain(`twq_queue_messages{queue="${scene.queue}"} 3`)
    expect(lines).toContain(`twq_quarantine_messages{queue="${scene.queue}"} 1`)
    expect(lines).toContain(`twq_failed_messages{queue="${scene.queue}"} 1`)
    expect(lines).toEqual(expect.arrayContaining(['twq_slots 1', 'twq_slots_busy 1']))
    go.resolve()
  })
})
