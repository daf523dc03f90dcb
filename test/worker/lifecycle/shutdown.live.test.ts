import { describe, expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { heldTask } from '../../support/held-task.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl } from '../../support/services.ts'

describe('a warm stop', () => {
  it('finishes what runs, and gives back what has not started', async () => {
    const held = heldTask()
    const first = await aWorker([held.task], { concurrency: 1, prefetch: 5 })
    const handles = []
    for (let n = 0; n < 4; n += 1) handles.push(await first.client.send(held.task, { n }))
    await held.started
    const stopping = first.worker.stop('warm')
    await first.logged('worker.draining')
    held.release()
    expect(await stopping).toBe('clean')
    expect(held.ran).toEqual([0])
    await queueOnce(first.queue, ({ messages }) => messages === 3)

    await using second = await aWorker([held.task], { concurrency: 1, queues: [first.queue] })
    expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([0, 1, 2, 3])
    expect(held.ran.toSorted()).toEqual([0, 1, 2, 3])
    expect(second.queue).toBe(first.queue)
    await first[Symbol.asyncDispose]()
  })

  it('gives back what waits for its time', async () => {
    const later = defineTask({ name: 'later', run: () => null })
    await using scene = await aWorker([later])
    await scene.client.send(later, {}, { countdown: '5m' })
    await scene.logged('task.received')
    expect(await scene.worker.stop('warm')).toBe('clean')
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
  })

  it('aborts what is left after the grace period, and the message goes back', async () => {
    const reasons: unknown[] = []
    const endless = defineTask({
      name: 'endless',
      async run(_args, ctx) {
        await new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            reasons.push(ctx.signal.reason)
            reject(ctx.signal.reason)
          })
        })
      },
    })
    await using scene = await aWorker([endless], { shutdown: { grace: 10, abort: 10_000 } })
    await scene.client.send(endless)
    await scene.logged('task.received')
    expect(await scene.worker.stop('warm')).toBe('forced')
    expect(TwqError.is(reasons[0], 'TWQ_SHUTTING_DOWN')).toBe(true)
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
  })
})

describe('a cold stop', () => {
  it('gives back the messages of tasks that ignore the abort', async () => {
    const deaf = heldTask()
    await using scene = await aWorker([deaf.task], { shutdown: { grace: 60_000, abort: 10 } })
    await scene.client.send(deaf.task, { n: 0 })
    await deaf.started
    expect(await scene.worker.stop('cold')).toBe('forced')
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
  })

  it('tells whoever waits when the message was acknowledged early and the work is lost', async () => {
    const started = deferred<void>()
    const interrupted = defineTask({
      name: 'interrupted',
      acks: 'early',
      async run(_args, ctx) {
        started.resolve()
        await new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
      },
    })
    await using scene = await aWorker([interrupted])
    const handle = await scene.client.send(interrupted)
    await started.promise
    await scene.worker.stop('cold')
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'WorkerLostError' } })
  })

  it('follows a warm one when asked again, and skips ahead', async () => {
    const deaf = heldTask()
    await using scene = await aWorker([deaf.task], { shutdown: { grace: 3_600_000, abort: 3_600_000 } })
    await scene.client.send(deaf.task, { n: 0 })
    await deaf.started
    const stopping = scene.worker.stop('warm')
    await scene.logged('worker.draining')
    void scene.worker.stop('cold')
    await scene.logged('worker.aborting')
    void scene.worker.stop('cold')
    expect(await stopping).toBe('forced')
  })
})

describe('a stop, to a caller in Python', () => {
  it('ends a task that was acknowledged late with the next worker, and one acknowledged early with an error', async () => {
    const both = deferred<void>()
    let started = 0
    const until = (acks: 'late' | 'early') =>
      defineTask({
        name: acks,
        acks,
        async run(_args: object, ctx) {
          started += 1
          if (started === 2) both.resolve()
          await new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
        },
      })
    const first = await aWorker([until('late'), until('early')])
    await using _first = first
    await using caller = await PythonCaller.start({ broker: brokerUrl(), queue: first.queue })
    const [late, early] = [await caller.sendTask('late'), await caller.sendTask('early')]
    await both.promise
    expect(await first.worker.stop('cold')).toBe('forced')
    await expect(caller.get(early)).rejects.toMatchObject({ type: 'WorkerLostError', module: 'billiard.exceptions' })
    expect(await caller.state(late)).toMatchObject({ state: 'PENDING' })
    const after = defineTask({ name: 'late', run: (_args: object, ctx) => ({ attempt: ctx.attempt }) })
    await using _second = await aWorker([after], { queues: [first.queue] })
    expect(await caller.get(late)).toEqual({ attempt: 1 })
  })
})
