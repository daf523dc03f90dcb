import { describe, expect, it } from 'vitest'
import { createMemoryBroker, type MemoryBroker } from '../../../src/broker/memory/broker.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import type { TaskContext } from '../../../src/tasks/context.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { RetryPolicy } from '../../../src/tasks/retry-policy.ts'
import { startTestWorker, type TestWorkerOptions, until } from '../../../src/testing.ts'

/** A worker whose task `work` writes down when it was tried, in seconds after the start, and what it was told. */
async function aTryingWorker(
  retry: RetryPolicy,
  work: (ctx: TaskContext) => unknown,
  options: Omit<TestWorkerOptions, 'tasks'> = {},
) {
  const clock = options.clock ?? new ManualClock(Date.now())
  const start = clock.now()
  const tries: { at: number; attempt: number; id: string }[] = []
  const task = defineTask({
    name: 'work',
    retry,
    run(_args: object, ctx) {
      tries.push({ at: (clock.now() - start) / 1000, attempt: ctx.attempt, id: ctx.id })
      return work(ctx)
    },
  })
  const scene = await startTestWorker({ ...options, tasks: [task], clock })
  return { scene, clock, task, tries, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() }
}

const busy = (): never => {
  throw new RangeError('busy')
}
const times = (tries: readonly { readonly at: number }[]): number[] => tries.map(({ at }) => at)

describe('a task that fails', () => {
  it('is tried again after longer and longer, up to the longest wait, and then fails with its own error', async () => {
    const policy = { limit: 5, delay: { base: '10s', factor: 3, max: '2m', jitter: false } }
    await using trying = await aTryingWorker(policy, busy)
    const handle = await trying.scene.client.send(trying.task, {})
    const result = handle.result({ timeout: '1d' })
    const failed = expect(result).rejects.toMatchObject({
      code: 'TWQ_TASK_FAILED',
      cause: { type: 'RangeError', args: ['busy'] },
    })
    await trying.clock.pass('1h')
    await failed
    expect(times(trying.tries)).toEqual([0, 10, 40, 130, 250, 370])
    expect(trying.tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6])
    expect(new Set(trying.tries.map(({ id }) => id))).toEqual(new Set([handle.id]))
  })

  it('waits for a random part of that time unless told otherwise', async () => {
    await using trying = await aTryingWorker({ limit: 4, delay: { base: '100s', factor: 1 } }, busy)
    await trying.scene.client.send(trying.task, {})
    await trying.clock.pass('1h')
    const waits = times(trying.tries).flatMap((at, n, all) => (n === 0 ? [] : [at - (all[n - 1] as number)]))
    expect(waits).toHaveLength(4)
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(100)
  })

  it('is RETRY for whoever looks, until it is tried', async () => {
    const once = (ctx: TaskContext) => (ctx.attempt === 1 ? busy() : 'done')
    await using trying = await aTryingWorker({ limit: 1, delay: { base: '5m', jitter: false } }, once)
    const handle = await trying.scene.client.send(trying.task, {})
    await trying.clock.pass('4m')
    expect(await handle.state()).toBe('RETRY')
    await trying.clock.pass('1m')
    expect(await handle.result()).toBe('done')
  })

  it('is not tried again for an error that the policy leaves out', async () => {
    await using trying = await aTryingWorker({ limit: 5, never: ['RangeError'], delay: { base: '1s' } }, busy)
    const handle = await trying.scene.client.send(trying.task, {})
    expect(await until(trying.scene, 'settled', handle.id)).toMatchObject({
      kind: 'failed',
      error: { type: 'RangeError' },
    })
    await trying.clock.pass('1h')
    expect(trying.tries).toHaveLength(1)
  })

  it('is not tried any more once it has expired', async () => {
    await using trying = await aTryingWorker({ limit: 5, delay: { base: '4m', factor: 1, jitter: false } }, busy)
    const handle = await trying.scene.client.send(trying.task, {}, { expires: '6m' })
    await trying.clock.pass('1h')
    expect(times(trying.tries)).toEqual([0, 240])
    expect(await handle.state()).toBe('REVOKED')
  })
})

describe('a task that asks for another try', () => {
  it('is tried when it says, not when its policy says', async () => {
    const patient = (ctx: TaskContext) => (ctx.attempt < 3 ? ctx.retry({ countdown: '7m' }) : 'done')
    await using trying = await aTryingWorker({ limit: 5, delay: { base: '1s', jitter: false } }, patient)
    const handle = await trying.scene.client.send(trying.task, {})
    await trying.clock.pass('14m')
    expect(await handle.result()).toBe('done')
    expect(times(trying.tries)).toEqual([0, 420, 840])
  })
})

it('a retry that waits is tried by whichever worker is there at its time', async () => {
  const clock = new ManualClock(Date.now())
  const broker = createMemoryBroker({ clock })
  const policy = { limit: 1, delay: { base: '3h', max: '3h', jitter: false } } as const
  const first = await aTryingWorker(policy, busy, { broker, clock })
  const handle = await first.scene.client.send(first.task, {})
  expect(await until(first.scene, 'settled', handle.id)).toMatchObject({ kind: 'retry' })
  await first.scene.worker.stop('warm')
  await using second = await aTryingWorker(policy, () => 'done', { broker, clock })
  await clock.pass('3h')
  expect(second.tries).toMatchObject([{ at: 10_800, attempt: 2, id: handle.id }])
  expect(await handle.result()).toBe('done')
  await first[Symbol.asyncDispose]()
})

describe('an attempt is told that another may have run in its place', () => {
  /** What each attempt of a task that is tried three times is told; `during` the first, something happens. */
  async function toldOf(headers: Record<string, boolean>, during: (broker: MemoryBroker) => void): Promise<boolean[]> {
    const told: boolean[] = []
    const [started, go] = [deferred<void>(), deferred<void>()]
    const work = async ({ attempt, redelivered }: TaskContext): Promise<void> => {
      told.push(redelivered)
      started.resolve()
      await go.promise
      if (attempt < 3) busy()
    }
    await using trying = await aTryingWorker({ limit: 2, delay: { base: '1m', jitter: false } }, work)
    const handle = await trying.scene.client.send(trying.task, {}, { headers })
    await started.promise
    during(trying.scene.broker)
    go.resolve()
    await trying.clock.pass('1h')
    await handle.result()
    return told
  }
  const cut = (broker: MemoryBroker): void => broker.cutConnections()
  const nothing = (): void => {}

  it('if the message of the attempt before was redelivered: the other delivery retries, too', async () => {
    expect(await toldOf({ 'x-twq-redelivered': true }, nothing)).toEqual([true, true, true])
  })

  it('if the message of the attempt before will be redelivered', async () => {
    expect(await toldOf({}, cut)).toEqual([false, true, true])
  })

  it('and no attempt is told so without a reason', async () => {
    expect(await toldOf({}, nothing)).toEqual([false, false, false])
  })
})
