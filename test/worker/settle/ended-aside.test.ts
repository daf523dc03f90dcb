import { describe, expect, it } from 'vitest'
import type { Channel } from '../../../src/broker/broker.ts'
import { readQuarantineFacts } from '../../../src/protocol/headers/quarantine.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker, type TestWorkerOptions, until } from '../../../src/testing.ts'
import { pollUntil } from '../../support/until.ts'

const good = defineTask({ name: 'good', run: () => 'done' })

/** A worker with one slot and two places, whose queue of failures takes nothing; its task `bad` fails, and its message is to be kept. */
async function aWorker(options: Partial<TestWorkerOptions> = {}) {
  let runs = 0
  const bad = defineTask({
    name: 'bad',
    ackOnFailure: false,
    run() {
      runs += 1
      throw new RangeError('no luck')
    },
  })
  const scene = await startTestWorker({ tasks: [good, bad], config: { concurrency: 1, prefetch: 2 }, ...options })
  const connection = await scene.broker.connect()
  const channel = await connection.openChannel()
  return {
    scene,
    channel,
    get runs() {
      return runs
    },
    async fails(count: number): Promise<void> {
      const sent = await Promise.all(Array.from({ length: count }, () => scene.client.send(bad)))
      // That queue is tried for a moment, in which they have their places.
      await scene.clock.pass('10s')
      for (const handle of sent) await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
    },
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]()
      await scene[Symbol.asyncDispose]()
    },
  }
}

/** Has the queue of failures take any number of messages, or none. */
async function declareFailures(channel: Channel, how: 'open' | 'closed'): Promise<void> {
  await channel.deleteQueue('celery.failed')
  const args = how === 'open' ? {} : { 'x-max-length': 0, 'x-overflow': 'reject-publish' }
  await channel.declareQueue({ name: 'celery.failed', durable: true, arguments: args })
}

/** Why each message is kept. */
async function reasons(channel: Channel): Promise<unknown[]> {
  const found: unknown[] = []
  for (;;) {
    const delivery = await channel.get('celery.failed')
    if (delivery === undefined) return found
    const { task, reason, detail } = readQuarantineFacts(delivery.headers)
    found.push([task, reason, detail])
    delivery.ack()
  }
}

async function runsGoodTask(scene: TestWorker): Promise<void> {
  const handle = await scene.client.send(good)
  expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded' })
}

const untilHeld = ({ worker }: TestWorker, count: number): Promise<unknown> =>
  pollUntil(
    'held',
    () => worker.report().held_aside,
    (held) => held === count,
  )
const kept = (count: number): unknown[] => Array.from({ length: count }, () => ['bad', 'RangeError', 'no luck'])

describe('messages of tasks that have failed, and are to be kept', () => {
  it('keep no slot and no place while that queue is full, and are kept when there is room', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await declareFailures(channel, 'closed')
    await worker.fails(10)
    await untilHeld(scene, 10)
    await runsGoodTask(scene)
    await declareFailures(channel, 'open')
    await scene.clock.pass('31s')
    await untilHeld(scene, 0)
    expect(await reasons(channel)).toEqual(kept(10))
    expect(worker.runs).toBe(10)
  })

  it('are not run again as the copies that take their places after ten minutes', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await declareFailures(channel, 'closed')
    await worker.fails(3)
    await scene.clock.pass('35m')
    await untilHeld(scene, 3)
    await declareFailures(channel, 'open')
    await scene.clock.pass('31s')
    await untilHeld(scene, 0)
    expect(await reasons(channel)).toEqual(kept(3))
    expect(worker.runs).toBe(3)
  })

  it('are not run again by the next worker', async () => {
    const first = await aWorker()
    const { broker, clock } = first.scene
    await declareFailures(first.channel, 'closed')
    await first.fails(3)
    await untilHeld(first.scene, 3)
    await first[Symbol.asyncDispose]()
    await using second = await aWorker({ broker, clock })
    await clock.pass('5s')
    await untilHeld(second.scene, 3)
    await runsGoodTask(second.scene)
    await declareFailures(second.channel, 'open')
    await clock.pass('31s')
    await untilHeld(second.scene, 0)
    expect(await reasons(second.channel)).toEqual(kept(3))
    expect(second.runs).toBe(0)
  })

  it('are not run again by a worker that lost its connection while it held them', async () => {
    await using worker = await aWorker()
    const { scene, channel } = worker
    await declareFailures(channel, 'closed')
    await worker.fails(3)
    await untilHeld(scene, 3)
    scene.broker.cutConnections()
    await scene.clock.pass('30s')
    await untilHeld(scene, 3)
    await runsGoodTask(scene)
    expect(worker.runs).toBe(3)
  })

  it('say so of their own attempt alone: a task that was sent with the headers of another one runs', async () => {
    await using worker = await aWorker()
    const { scene } = worker
    const headers = { 'x-twq-ended': '0/0/of-another RangeError: no luck', 'x-twq-redelivered': true }
    const handle = await scene.client.send(good, undefined, { headers })
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded' })
  })
})
