import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { readQuarantineFacts, restoreQuarantined } from '../../src/protocol/headers/quarantine.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { Broadcast } from '../../src/sending/broadcast.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { publishRaw, queueOnce, take, withChannel } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

describe('a task', () => {
  it('runs, and its value comes back', async () => {
    await using scene = await aWorker([add])
    const handle = await scene.client.send(add, { x: 2, y: 3 })
    expect(await handle.result()).toBe(5)
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
  })

  it('runs beside others, up to the concurrency and no further', async () => {
    let running = 0
    let most = 0
    const three = deferred<void>()
    const wait = defineTask({
      name: 'wait',
      async run() {
        running += 1
        most = Math.max(most, running)
        if (running === 3) three.resolve()
        await three.promise
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      },
    })
    await using scene = await aWorker([wait], { concurrency: 3, prefetch: 10 })
    const handles = await Promise.all(Array.from({ length: 9 }, () => scene.client.send(wait)))
    await Promise.all(handles.map((handle) => handle.result()))
    expect(most).toBe(3)
  })

  it('that has expired is revoked without being run', async () => {
    let ran = false
    const late = defineTask({
      name: 'late',
      run: () => {
        ran = true
      },
    })
    await using scene = await aWorker([late])
    // The broker drops an expired message by itself: only the header may say so here.
    const { message } = scene.client.encode(late, {}, { taskId: 'expired-1' })
    const expires = new Date(Date.now() - 1_000).toISOString()
    await publishRaw(scene.queue, { ...message, headers: { ...message.headers, expires } })
    expect(await scene.logged('task.revoked')).toMatchObject({ task_id: 'expired-1', reason: 'expired' })
    expect(ran).toBe(false)
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
    // Celery counts it among the revoked ones, of which only so many are remembered.
    await using broadcast = await openBroadcast()
    const { node } = scene.worker
    const replies = await broadcast.ask('revoked', {}, { destination: [node], timeout: 60_000 })
    expect(replies.get(node)).toEqual([])
  })

  it('whose start is tracked says so before its end', async () => {
    const tracked = defineTask({ name: 'tracked', trackStarted: true, run: () => 1 })
    await using scene = await aWorker([tracked])
    const handle = await scene.client.send(tracked)
    await handle.result()
    const records = []
    for await (const record of handle.states()) records.push(record)
    expect(records).toMatchObject([
      { state: 'STARTED', result: { pid: process.pid, hostname: scene.worker.node } },
      { state: 'SUCCESS', result: 1 },
    ])
  })

  it('sent by another task is its child', async () => {
    const seen = deferred<{ parentId: string | null; rootId: string }>()
    const child = defineTask({
      name: 'child',
      run: (_args, ctx) => seen.resolve({ parentId: ctx.request.parentId, rootId: ctx.request.rootId }),
    })
    const parent = defineTask({
      name: 'parent',
      async run(_args, ctx) {
        await ctx.send(child)
      },
    })
    await using scene = await aWorker([parent, child])
    const handle = await scene.client.send(parent)
    expect(await seen.promise).toEqual({ parentId: handle.id, rootId: handle.id })
  })
})

describe('a retry', () => {
  it('runs the same task again, with the state RETRY in between', async () => {
    const attempts: number[] = []
    const flaky = defineTask({
      name: 'flaky',
      retry: { limit: 5, delay: { base: 1, factor: 1, jitter: false } },
      run: (_args, ctx) => {
        attempts.push(ctx.attempt)
        if (ctx.attempt < 3) throw new TypeError(`attempt ${ctx.attempt}`)
        return 'done'
      },
    })
    await using scene = await aWorker([flaky])
    const handle = await scene.client.send(flaky)
    expect(await handle.result()).toBe('done')
    expect(attempts).toEqual([1, 2, 3])
    const states: string[] = []
    for await (const record of handle.states()) states.push(record.state)
    expect(states).toEqual(['RETRY', 'RETRY', 'SUCCESS'])
  })

  it('fails with its own error when there have been enough', async () => {
    const broken = defineTask({
      name: 'broken',
      retry: { limit: 2, delay: { base: 1, factor: 1 } },
      run: (_args, ctx) => {
        throw new RangeError(`attempt ${ctx.attempt}`)
      },
    })
    await using scene = await aWorker([broken])
    const handle = await scene.client.send(broken)
    await expect(handle.result()).rejects.toMatchObject({
      code: 'TWQ_TASK_FAILED',
      cause: { type: 'RangeError', args: ['attempt 3'] },
    })
  })

  it('that waits does not keep others from running, however many wait', async () => {
    const waiting = defineTask({
      name: 'waiting',
      // Short enough to wait here: longer ones wait with the broker.
      run: (_args, ctx) => ctx.retry({ countdown: '5m' }),
    })
    await using scene = await aWorker([waiting, add], { concurrency: 2, prefetch: 2 })
    const sent = await Promise.all(Array.from({ length: 20 }, () => scene.client.send(waiting)))
    await Promise.all(sent.map((handle) => untilState(handle, 'RETRY')))
    const handle = await scene.client.send(add, { x: 1, y: 1 })
    expect(await handle.result()).toBe(2)
    await scene.worker.stop('warm')
    await queueOnce(scene.queue, ({ messages }) => messages === 20)
  })
})

describe('what can not be used', () => {
  it('is set aside with its reason and its bytes, and whoever waits is told', async () => {
    await using scene = await aWorker([add])
    const handle = await scene.client.send('nobody.has.this', [1])
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'NotRegistered', args: ['nobody.has.this'] } })
    const [quarantined] = await take(`${scene.queue}.quarantine`, 1)
    expect(readQuarantineFacts(quarantined?.headers ?? {})).toMatchObject({
      reason: 'NotRegistered',
      queue: scene.queue,
    })
    const original = quarantined && restoreQuarantined(quarantined)
    expect(original?.route).toEqual({ exchange: '', routingKey: scene.queue })
    expect(Buffer.from(original?.message.body ?? []).toString()).toContain('[[1]')
  })

  it('is dropped as Celery does, where the configuration says so', async () => {
    await using scene = await aWorker([add], { unknownTask: 'discard' })
    const handle = await scene.client.send('nobody.has.this')
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'NotRegistered' } })
    await scene.logged('message.discarded')
    await queueOnce(`${scene.queue}.quarantine`, ({ messages }) => messages === 0)
  })

  it('does not stop the next task', async () => {
    await using scene = await aWorker([add])
    await publishRaw(scene.queue, { body: Buffer.from('\xff\xfe', 'latin1') })
    await publishRaw(scene.queue, { headers: { task: ['a', 'list'] }, body: Buffer.from('null') })
    expect(await (await scene.client.send(add, { x: 1, y: 2 })).result()).toBe(3)
    await queueOnce(`${scene.queue}.quarantine`, ({ messages }) => messages === 2)
  })
})

describe('early acknowledgement', () => {
  it('has the broker forget the message when the task starts', async () => {
    const go = deferred<void>()
    const started = deferred<void>()
    const slow = defineTask({
      name: 'slow',
      acks: 'early',
      async run() {
        started.resolve()
        await go.promise
      },
    })
    await using scene = await aWorker([slow])
    const handle = await scene.client.send(slow)
    await started.promise
    await using broadcast = await openBroadcast()
    const replies = await broadcast.ask('active', {}, { destination: [scene.worker.node], timeout: 5_000 })
    expect(replies.get(scene.worker.node)).toMatchObject([{ id: handle.id, acknowledged: true }])
    go.resolve()
    await handle.result()
  })
})

describe('remote control', () => {
  it('is answered while every slot is busy', async () => {
    const go = deferred<void>()
    const started = deferred<void>()
    const slow = defineTask({
      name: 'slow',
      positional: ['n'],
      async run(_args: { n: number }) {
        started.resolve()
        await go.promise
      },
    })
    await using scene = await aWorker([slow], { concurrency: 1 })
    const { node } = scene.worker
    const handle = await scene.client.send(slow, { n: 7 })
    await started.promise
    await using broadcast = await openBroadcast()
    const replies = await broadcast.ask('active', {}, { destination: [node], timeout: 5_000 })
    expect(replies.get(node)).toEqual([
      {
        id: handle.id,
        name: 'slow',
        type: 'slow',
        args: [],
        kwargs: { n: 7 },
        hostname: node,
        time_start: expect.any(Number),
        acknowledged: false,
        delivery_info: { exchange: '', routing_key: scene.queue, priority: 0, redelivered: false },
        worker_pid: process.pid,
      },
    ])
    go.resolve()
    await handle.result()
  })

  it('says what Python says of a command that does not exist', async () => {
    await using scene = await aWorker([add])
    await using broadcast = await openBroadcast()
    const { node } = scene.worker
    const replies = await broadcast.ask('no_such', {}, { destination: [node], timeout: 5_000 })
    expect(replies.get(node)).toEqual({ error: "KeyError('no_such')" })
  })
})

describe('a queue', () => {
  it('that was declared differently is used as it is', async () => {
    const queue = uniqueName('quorum')
    await withChannel((channel) =>
      channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } }),
    )
    await using scene = await aWorker([add], { queues: [queue] })
    expect(await scene.logged('queue.differs')).toMatchObject({ queue })
    expect(await (await scene.client.send(add, { x: 4, y: 5 })).result()).toBe(9)
  })

  it('that is deleted under the worker is declared and consumed again', async () => {
    await using scene = await aWorker([add])
    await withChannel((channel) => channel.deleteQueue(scene.queue))
    await scene.logged('consumer.restored')
    expect(await (await scene.client.send(add, { x: 1, y: 1 })).result()).toBe(2)
  })
})

function openBroadcast(): Promise<Broadcast> {
  return Broadcast.open(amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }), systemClock)
}

async function untilState(
  handle: { states(): AsyncIterable<{ readonly state: string }> },
  state: string,
): Promise<void> {
  for await (const record of handle.states()) if (record.state === state) return
}
