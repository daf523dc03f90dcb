import { describe, expect, it } from 'vitest'
import type { Channel } from '../../../src/broker/broker.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker, type TestWorkerOptions, until } from '../../../src/testing.ts'
import { Prefetch } from '../../../src/worker/request/prefetch.ts'
import { HeldAside } from '../../../src/worker/waiting/held-aside.ts'
import { aDelivery } from '../../support/a-request.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { pollUntil } from '../../support/until.ts'

const good = defineTask({ name: 'good', run: () => 'done' })

/** A worker with two places, its log by event, and a channel of the test's own. */
async function aWorker(options: Partial<TestWorkerOptions> = {}) {
  const events: string[] = []
  const destination = { write: (line: string) => void events.push(JSON.parse(line).event) }
  const scene = await startTestWorker({
    tasks: [good],
    logger: createLogger({ level: 'info', format: 'json', destination }),
    ...options,
    config: { concurrency: 1, prefetch: 2, ...options.config },
  })
  const connection = await scene.broker.connect()
  const channel = await connection.openChannel()
  return {
    scene,
    channel,
    count: (event: string) => events.filter((each) => each === event).length,
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]()
      await scene[Symbol.asyncDispose]()
    },
  }
}

async function sendBroken(channel: Channel, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const rawHeaders = encodeTable({ 'x-twq-starts': 1, 'x-twq-redelivered': true, n })
    const body = Buffer.from(`{broken ${n}`)
    await channel.publish({ exchange: '', routingKey: 'celery' }, { properties: {}, headers: {}, rawHeaders, body })
  }
}

/** Has the quarantine take `limit` messages and no more. */
async function fillable(channel: Channel, limit: number | undefined): Promise<void> {
  await channel.deleteQueue('celery.quarantine')
  const args = limit === undefined ? {} : { 'x-max-length': limit, 'x-overflow': 'reject-publish' }
  await channel.declareQueue({ name: 'celery.quarantine', durable: true, arguments: args })
}

async function quarantined(channel: Channel): Promise<string[]> {
  const bodies: string[] = []
  for (;;) {
    const delivery = await channel.get('celery.quarantine')
    if (delivery === undefined) return bodies.sort()
    bodies.push(Buffer.from(restoreQuarantined(delivery)?.message.body ?? []).toString())
    delivery.ack()
  }
}

async function runsGoodTask(scene: TestWorker): Promise<void> {
  const handle = await scene.client.send(good)
  expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded' })
}

/** What holds messages, without a worker. */
function anAside() {
  const clock = new ManualClock()
  const prefetch = new Prefetch(2)
  const suspended = new Set<string>()
  const consumer = {
    suspend: async (queue: string) => void suspended.add(queue),
    unsuspend: async (queue: string) => void suspended.delete(queue),
  }
  const suspects = { spare: () => () => {} }
  const republisher = { renew: async () => {}, giveBack: async () => {} }
  const aside = new HeldAside({ prefetch, consumer, suspects, republisher, clock, logger: silentLogger })
  return { aside, clock, prefetch, suspended }
}

const LARGE = Buffer.alloc(4 * 1024 * 1024)

/** Has 20 large messages set aside at once, by what takes longer than a moment. */
async function manyLarge({ aside, clock }: ReturnType<typeof anAside>) {
  const answer = deferred<void>()
  const over = Array.from({ length: 20 }, () => {
    const delivery = aDelivery({ body: LARGE })
    const settle = (): Promise<void> => answer.promise
    return aside.settle({
      delivery,
      queue: 'celery',
      source: 'tasks',
      target: 'celery.quarantine',
      fields: {},
      settle,
    })
  })
  await clock.pass('1s')
  return { answer, over: Promise.all(over) }
}

const broken = (count: number): string[] => Array.from({ length: count }, (_, n) => `{broken ${n}`).sort()
const held = (scene: TestWorker): unknown => scene.worker.report().held_aside
const failing = (scene: TestWorker): unknown =>
  (scene.worker.report().failing as readonly { check: string }[]).map(({ check }) => check)

describe('messages that can not run', () => {
  it('are set aside though the quarantine was deleted: it is declared again', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await channel.deleteQueue('celery.quarantine')
    await sendBroken(channel, 10)
    await runsGoodTask(scene)
    await pollUntil(
      'quarantine',
      () => channel.inspectQueue('celery.quarantine').catch(() => undefined),
      (status) => status?.messages === 10,
    )
    expect(await quarantined(channel)).toEqual(broken(10))
    expect(worker.count('message.stuck')).toBe(0)
  })

  it('keep no place of a task while the quarantine is full, and are set aside when there is room', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await fillable(channel, 3)
    await sendBroken(channel, 20)
    await scene.clock.pass('2m')
    await runsGoodTask(scene)
    expect(held(scene)).toBe(17)
    expect(failing(scene)).toEqual([])
    expect(worker.count('message.stuck')).toBe(1)
    expect(worker.count('messages.stuck')).toBeLessThan(5)

    const before = await quarantined(channel)
    await fillable(channel, undefined)
    await scene.clock.pass('31s')
    await pollUntil(
      'held',
      () => held(scene),
      (count) => count === 0,
    )
    expect([...before, ...(await quarantined(channel))].sort()).toEqual(broken(20))
    await runsGoodTask(scene)
  })

  it('stay with their worker for at most ten minutes, and go on as copies', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await fillable(channel, 0)
    await sendBroken(channel, 3)
    await scene.clock.pass('25m')
    expect(held(scene)).toBe(3)
    await fillable(channel, undefined)
    await scene.clock.pass('31s')
    await pollUntil(
      'held',
      () => held(scene),
      (count) => count === 0,
    )
    expect(await quarantined(channel)).toEqual(broken(3))
  })

  it('go back to their queue when the worker leaves, and the next worker takes them', async () => {
    const first = await aWorker()
    const { broker, clock } = first.scene
    await fillable(first.channel, 0)
    await sendBroken(first.channel, 5)
    await clock.pass('1m')
    await first[Symbol.asyncDispose]()
    await using second = await aWorker({ broker, clock })
    // They are tried before they are held.
    await clock.pass('5s')
    await runsGoodTask(second.scene)
    await fillable(second.channel, undefined)
    await clock.pass('1m')
    expect(await quarantined(second.channel)).toEqual(broken(5))
  })

  it.each([
    ['stay where they arrive', async () => {}, 'none'],
    ['go back where that fails', async () => Promise.reject(new Error('full')), 'requeued'],
  ])('%s, when the worker leaves while they are being set aside', async (_title, arrive, settlement) => {
    const { aside, clock } = anAside()
    const answers = [Promise.reject(new Error('full')), deferred<void>()] as const
    const tries = [() => answers[0], () => answers[1].promise]
    const delivery = aDelivery()
    const settle = async (): Promise<void> => await tries.shift()?.()
    await aside.settle({ delivery, queue: 'celery', source: 'tasks', target: 'celery.quarantine', fields: {}, settle })
    await clock.pass('31s')
    expect(tries).toEqual([])
    const closed = aside.close()
    expect(delivery.settlement).toBe('none')
    answers[1].resolve(arrive())
    await closed
    expect(delivery.settlement).toBe(settlement)
    expect(aside.signs.held).toBe(0)
  })

  it('end the consumer of their queue where they are too many, which the worker is not ready then for, until there is room', async () => {
    await using worker = await aWorker({ config: { queues: ['celery', 'other'] } })
    const { scene, channel } = worker
    await fillable(channel, 0)
    await sendBroken(channel, 1_100)
    await scene.clock.pass('2m')
    await pollUntil(
      'suspension',
      () => worker.count('queue.suspended'),
      (count) => count > 0,
    )
    expect(held(scene)).toBeLessThan(1_020)
    expect(failing(scene)).toEqual(['aside'])
    // Other queues are not concerned.
    const handle = await scene.client.send(good, undefined, { queue: 'other' })
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded' })

    await fillable(channel, undefined)
    await scene.clock.pass('31s')
    await pollUntil(
      'room',
      async () => (await channel.inspectQueue('celery.quarantine')).messages,
      (count) => count === 1_100,
    )
    expect(await quarantined(channel)).toEqual(broken(1_100))
    expect(failing(scene)).toEqual([])
    await runsGoodTask(scene)
  })

  it('let their queue be consumed again when all that was being set aside at once is', async () => {
    const scene = anAside()
    const { answer, over } = await manyLarge(scene)
    expect([...scene.suspended]).toEqual(['celery'])
    answer.resolve()
    await over
    expect([...scene.suspended]).toEqual([])
    expect(scene.aside.signs).toEqual({ held: 0, bytes: 0, suspended: [] })
  })

  it('keep no place of a task where their queue was suspended before they could not be set aside', async () => {
    const scene = anAside()
    const { answer, over } = await manyLarge(scene)
    answer.reject(new Error('full'))
    await over
    expect(scene.aside.signs).toMatchObject({ held: 20, suspended: ['celery'] })
    expect(scene.prefetch.count).toBe(22)
    await scene.clock.pass('5m')
    expect([...scene.suspended]).toEqual(['celery'])
  })
})
