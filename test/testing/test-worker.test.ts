import { describe, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { startTestWorker, until } from '../../src/testing.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

/** Fails as often as it is told to. */
function aFlakyTask(failures: number) {
  let left = failures
  return defineTask({
    name: 'flaky',
    retry: { limit: 3, delay: { base: '1m', factor: 2, jitter: false } },
    run() {
      if (left-- > 0) throw new Error('not yet')
      return 'at last'
    },
  })
}

describe('a worker in a test', () => {
  it('runs what its client sends, and answers', async () => {
    await using scene = await startTestWorker({ tasks: [add] })
    const handle = await scene.client.send(add, { x: 2, y: 3 })
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded', result: 5 })
    expect(await handle.result()).toBe(5)
    expect(await scene.waiting()).toBe(0)
  })

  it('starts a task at its eta, and not before', async () => {
    await using scene = await startTestWorker({ tasks: [add] })
    const handle = await scene.client.send(add, { x: 2, y: 3 }, { countdown: '5m' })
    await scene.clock.pass('4m')
    expect(await handle.state()).toBe('PENDING')
    await scene.clock.pass('1m')
    expect(await handle.result()).toBe(5)
  })

  it('keeps what is due tomorrow, through the broker, until then', async () => {
    await using scene = await startTestWorker({ tasks: [add] })
    const handle = await scene.client.send(add, { x: 2, y: 3 }, { countdown: '1d' })
    await scene.clock.pass('23h')
    expect(await handle.state()).toBe('PENDING')
    await scene.clock.pass('61m')
    expect(await handle.result()).toBe(5)
  })

  it('retries by the policy of the task', async () => {
    const flaky = aFlakyTask(2)
    await using scene = await startTestWorker({ tasks: [flaky] })
    const handle = await scene.client.send(flaky, {})
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'retry' })
    await scene.clock.pass('1m')
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'retry' })
    await scene.clock.pass('2m')
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded', result: 'at last' })
  })

  it('does not start a task that expired while it waited', async () => {
    const block = defineTask({
      name: 'block',
      run: (_args: object, ctx) =>
        new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve())),
    })
    await using scene = await startTestWorker({
      tasks: [add, block],
      config: { concurrency: 1, prefetch: 2, timeLimit: '10m' },
    })
    await scene.client.send(block, {})
    const late = await scene.client.send(add, { x: 2, y: 3 }, { expires: '5m' })
    await scene.clock.pass('10m')
    expect(await until(scene, 'settled', late.id)).toMatchObject({ kind: 'revoked', reason: 'expired' })
  })

  it('starts no more tasks than its rate allows', async () => {
    await using scene = await startTestWorker({ tasks: [add], config: { rateLimit: '1/m', prefetch: 10 } })
    const sums = await Promise.all([1, 2, 3].map((x) => scene.client.send(add, { x, y: 0 })))
    const done = async () => (await Promise.all(sums.map((sum) => sum.state()))).filter((state) => state === 'SUCCESS')
    await scene.clock.pass('1s')
    expect(await done()).toHaveLength(1)
    await scene.clock.pass('1m')
    expect(await done()).toHaveLength(2)
    await scene.clock.pass('1m')
    expect(await done()).toHaveLength(3)
  })

  it('comes back when its connection is cut', async () => {
    await using scene = await startTestWorker({ tasks: [add] })
    scene.broker.cutConnections()
    const sending = scene.client.send(add, { x: 2, y: 3 })
    await scene.clock.pass('5s')
    expect(await (await sending).result()).toBe(5)
  })

  it('tells whoever waits for a task when its worker stops', async () => {
    const scene = await startTestWorker({ tasks: [add] })
    const never = until(scene, 'settled', 'nobody-sent-it')
    await scene[Symbol.asyncDispose]()
    await expect(never).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })

  it('refuses a configuration whose tasks would run elsewhere', async () => {
    await expect(startTestWorker({ tasks: [add], config: { pool: 'threads' } })).rejects.toMatchObject({
      code: 'TWQ_CONFIG',
    })
  })
})
