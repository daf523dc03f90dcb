import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { createClient } from '../../src/client/create-client.ts'
import { startDevBroker } from '../../src/devbroker/server.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker } from '../../src/testing/test-worker.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const linger = defineTask({
  name: 'linger',
  trackStarted: true,
  run: (_args: Record<never, never>, ctx) =>
    new Promise<never>((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
})

let scene: TestWorker
beforeEach(async () => {
  scene = await startTestWorker({ tasks: [add, linger] })
})
afterEach(async () => {
  await scene[Symbol.asyncDispose]()
})

const REVOKED = { code: 'TWQ_TASK_FAILED', cause: { type: 'TaskRevokedError' } }

describe('a handle revokes', () => {
  it('a task that waits for its time', async () => {
    const handle = await scene.client.send(add, { x: 1, y: 2 }, { countdown: '1h' })
    const result = expect(handle.result()).rejects.toMatchObject(REVOKED)
    await handle.revoke()
    await scene.clock.pass('1h')
    await result
  })

  it('a task that runs, where it says terminate', async () => {
    const handle = await scene.client.send(linger)
    for await (const { state } of handle.states()) if (state === 'STARTED') break
    await handle.revoke({ terminate: true })
    await expect(handle.result()).rejects.toMatchObject(REVOKED)
  })

  it('every member of a group, and the step of a chain that it stands for', async () => {
    const two = await scene.client.send(group([signature(add, [1, 1]), signature(add, [2, 2])]), { countdown: '1h' })
    const settled = two.settled()
    await two.revoke()
    const after = await scene.client.send(chain(signature(add, [1, 2]), signature(add, { y: 3 })), { countdown: '1h' })
    const last = expect(after.result()).rejects.toMatchObject(REVOKED)
    await after.revoke()
    await scene.clock.pass('1h')
    expect(await settled).toMatchObject([{ reason: REVOKED }, { reason: REVOKED }])
    await last
  })
})

it('a client revokes by ids, one or several', async () => {
  const handles = await Promise.all([1, 2, 3].map((y) => scene.client.send(add, { x: 1, y }, { countdown: '1h' })))
  const [first, ...others] = handles.map(({ id }) => id) as [string, ...string[]]
  const results = Promise.allSettled(handles.map((handle) => handle.result()))
  await scene.client.revoke(first)
  await scene.client.revoke(others)
  await scene.clock.pass('1h')
  for (const result of await results) expect(result).toMatchObject({ status: 'rejected', reason: REVOKED })
})

describe('a revocation is refused', () => {
  it.each([
    [{ signal: 'sigterm' }, /signal must be the name of a signal, got "sigterm"/],
    [{ terminate: 1 as unknown as boolean }, /terminate must be true or false/],
  ])('with %j', async (options, message) => {
    await expect(scene.client.revoke('an-id', options)).rejects.toMatchObject({
      code: 'TWQ_ARGUMENTS',
      message: expect.stringMatching(message),
    })
  })

  it('for what is no id', async () => {
    await expect(scene.client.revoke([''])).rejects.toMatchObject({ code: 'TWQ_ARGUMENTS' })
  })

  it('where the broker takes no messages', async () => {
    await using broker = await startDevBroker()
    await using client = createClient({ broker: broker.url, publishTimeout: '2s' })
    // It blocks a connection that publishes.
    await expect(client.revoke('a')).rejects.toMatchObject({ code: 'TWQ_NO_WORKER' })
    broker.block('low on memory')
    await expect(client.revoke('a')).rejects.toMatchObject({ code: 'TWQ_BROKER_UNREACHABLE' })
    broker.unblock()
  })

  it('where no worker would hear it', async () => {
    const handle = await scene.client.send(add, { x: 1, y: 2 }, { countdown: '1h' })
    await scene.worker.stop('cold')
    await expect(handle.revoke()).rejects.toMatchObject({ code: 'TWQ_NO_WORKER' })
  })
})
