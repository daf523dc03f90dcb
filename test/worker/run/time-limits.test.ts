import { describe, expect, it } from 'vitest'
import type { UserConfig } from '../../../src/config/config.ts'
import type { Clock } from '../../../src/runtime/time/clock.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { pause } from '../../../src/runtime/time/pause.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { TaskSettings } from '../../../src/tasks/task.ts'
import { startTestWorker, until } from '../../../src/testing.ts'

const NEVER = new AbortController().signal

/** A task that takes so many milliseconds of virtual time, whatever is asked of it meanwhile. */
function aSlowTask(clock: Clock, settings: TaskSettings = {}) {
  return defineTask({
    name: 'slow',
    positional: ['ms'],
    ...settings,
    async run({ ms }: { ms: number }) {
      await pause(clock, ms, NEVER)
      return 'in time'
    },
  })
}

async function aLimitedWorker(settings: TaskSettings = {}, config: UserConfig = {}) {
  const clock = new ManualClock(Date.now())
  const slow = aSlowTask(clock, settings)
  const scene = await startTestWorker({ tasks: [slow], config, clock })
  return { scene, clock, slow, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() }
}

const MINUTE = 60_000

describe('a hard time limit', () => {
  it.each<[string, TaskSettings, UserConfig, { timeLimit?: string }, number]>([
    ['the message', { timeLimit: { hard: '3m' } }, { timeLimit: '4m' }, { timeLimit: '2m' }, 2],
    ['the task where the message has none', { timeLimit: { hard: '3m' } }, { timeLimit: '4m' }, {}, 3],
    ['the configuration where neither has', {}, { timeLimit: '4m' }, {}, 4],
  ])('is that of %s', async (_whose, settings, config, how, minutes) => {
    await using limited = await aLimitedWorker(settings, config)
    const handle = await limited.scene.client.send(limited.slow, { ms: 10 * MINUTE }, how)
    await limited.clock.pass(minutes * MINUTE - 1)
    expect(await handle.state()).toBe('PENDING')
    await limited.clock.pass(1)
    expect(await until(limited.scene, 'settled', handle.id)).toMatchObject({
      kind: 'timed-out',
      limit: minutes * MINUTE,
    })
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'TimeLimitExceeded', args: [minutes * 60] } })
  })

  it('counts from the start of the task, not from its arrival', async () => {
    await using limited = await aLimitedWorker({ timeLimit: { hard: '3m' } }, { concurrency: 1, prefetch: 3 })
    const handles = []
    for (let n = 0; n < 3; n += 1) handles.push(await limited.scene.client.send(limited.slow, { ms: 2 * MINUTE }))
    await limited.clock.pass('6m')
    for (const handle of handles) expect(await handle.result()).toBe('in time')
  })

  it('frees the place of a task that goes on, and keeps what it returns later to itself', async () => {
    await using limited = await aLimitedWorker({}, { concurrency: 1 })
    const endless = await limited.scene.client.send(limited.slow, { ms: 60 * MINUTE }, { timeLimit: '1m' })
    const next = await limited.scene.client.send(limited.slow, { ms: MINUTE })
    await limited.clock.pass('2m')
    expect(await next.result()).toBe('in time')
    await limited.clock.pass('2h')
    expect(await endless.state()).toBe('FAILURE')
  })

  it('starts anew with every try', async () => {
    const clock = new ManualClock(Date.now())
    const retried = defineTask({
      name: 'retried',
      timeLimit: { hard: '3m' },
      retry: { limit: 3, delay: { base: '1m', factor: 1, jitter: false } },
      async run(_args: object, ctx) {
        await pause(clock, 2 * MINUTE, NEVER)
        if (ctx.attempt < 3) throw new Error('not yet')
        return ctx.attempt
      },
    })
    await using scene = await startTestWorker({ tasks: [retried], clock })
    const handle = await scene.client.send(retried, {})
    await clock.pass('8m')
    expect(await handle.result()).toBe(3)
  })

  it('sends the message back to its queue with ackOnTimeout: false', async () => {
    const clock = new ManualClock(Date.now())
    const second = defineTask({
      name: 'second',
      ackOnTimeout: false,
      timeLimit: { hard: '1m' },
      run: (_args: object, ctx) => (ctx.redelivered ? 'at last' : new Promise<string>(() => {})),
    })
    await using scene = await startTestWorker({ tasks: [second], clock })
    const handle = await scene.client.send(second, {})
    await clock.pass('1m')
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'timed-out' })
    await clock.pass('1m')
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded', result: 'at last' })
  })
})

describe('a soft time limit', () => {
  it('aborts the signal with the reason, and what the task makes of it counts', async () => {
    const clock = new ManualClock(Date.now())
    const careful = defineTask({
      name: 'careful',
      timeLimit: { soft: '90s', hard: '2m' },
      run: (_args: object, { signal }) =>
        new Promise<string>((resolve) => {
          signal.addEventListener('abort', () => resolve((signal.reason as { code: string }).code))
        }),
    })
    await using scene = await startTestWorker({ tasks: [careful], clock })
    const handle = await scene.client.send(careful, {})
    await clock.pass('90s')
    expect(await handle.result()).toBe('TWQ_SOFT_LIMIT')
  })

  it('fails a task that lets it escape with SoftTimeLimitExceeded, which is retried as any error', async () => {
    const clock = new ManualClock(Date.now())
    const tries: number[] = []
    const hasty = defineTask({
      name: 'hasty',
      timeLimit: { soft: '1m' },
      retry: { limit: 1, delay: { base: '1m', jitter: false } },
      async run(_args: object, { attempt, signal }) {
        tries.push(attempt)
        await pause(clock, 60 * MINUTE, signal)
        signal.throwIfAborted()
      },
    })
    await using scene = await startTestWorker({ tasks: [hasty], clock })
    const handle = await scene.client.send(hasty, {})
    const failed = expect(handle.result({ timeout: '1d' })).rejects.toMatchObject({
      cause: { type: 'SoftTimeLimitExceeded' },
    })
    await clock.pass('10m')
    await failed
    expect(tries).toEqual([1, 2])
  })
})
