import { describe, expect, it } from 'vitest'
import { defineTask, Reject } from '../../src/index.ts'
import { FailureLog } from '../../src/plugins/failure-log.ts'
import { Observers } from '../../src/plugins/observers.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import type { PluginObservers } from '../../src/tasks/plugin.ts'
import { startTestWorker, until } from '../../src/testing.ts'

/** A log that is kept, as objects. */
function aKeptLog() {
  const lines: Record<string, unknown>[] = []
  const write = (text: string) =>
    void lines.push(
      ...text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    )
  return { lines, logger: createLogger({ level: 'warn', format: 'json', destination: { write } }) }
}

/** Observers that note every moment. */
function noting(notes: [string, object][]): PluginObservers {
  const moments = [
    'received',
    'started',
    'succeeded',
    'failed',
    'retried',
    'revoked',
    'rejected',
    'quarantined',
    'workerReady',
    'workerStopping',
  ]
  return Object.fromEntries(moments.map((moment) => [moment, (facts: object) => void notes.push([moment, facts])]))
}

const fate = defineTask({
  name: 'fate',
  positional: ['how'],
  run({ how }: { how: string }, ctx) {
    if (how === 'fail') throw new RangeError('no')
    if (how === 'reject') throw new Reject('no')
    if (how === 'retry' && ctx.attempt === 1) ctx.retry({ countdown: '1s' })
    return 'done'
  },
})

describe('observers of plugins', () => {
  it('hear a worker from its start to its stop, and what becomes of each task', async () => {
    const notes: [string, object][] = []
    {
      await using scene = await startTestWorker({ tasks: [fate], plugins: [{ name: 'noting', on: noting(notes) }] })
      for (const how of ['succeed', 'fail', 'reject', 'retry']) {
        const { id } = await scene.client.send(fate, { how }, { taskId: how })
        await until(scene, 'settled', id)
      }
      const late = await scene.client.send(
        fate,
        { how: 'late' },
        { taskId: 'late', expires: new Date(scene.clock.now() - 1) },
      )
      await until(scene, 'settled', late.id)
      await scene.client.send('unknown')
      await scene.clock.pass('0s')
    }
    expect(notes.map(([moment, facts]) => `${moment} ${'id' in facts ? facts.id : ''}`.trim())).toEqual([
      'workerReady',
      ...['received succeed', 'started succeed', 'succeeded succeed'],
      ...['received fail', 'started fail', 'failed fail'],
      ...['received reject', 'started reject', 'rejected reject'],
      ...['received retry', 'started retry', 'retried retry', 'received retry'],
      'revoked late',
      'quarantined',
      'workerStopping',
    ])
    expect(notes).toContainEqual([
      'succeeded',
      expect.objectContaining({ task: 'fate', queue: 'celery', result: 'done' }),
    ])
    expect(notes).toContainEqual([
      'failed',
      expect.objectContaining({ how: 'threw', error: expect.objectContaining({ type: 'RangeError' }) }),
    ])
  })

  it('hear when a task was started that its hard time limit ends', async () => {
    const notes: [string, object][] = []
    const hung = defineTask({ name: 'hung', timeLimit: { hard: '1s' }, run: () => new Promise(() => {}) })
    await using scene = await startTestWorker({ tasks: [hung], plugins: [{ name: 'noting', on: noting(notes) }] })
    const startedAt = scene.clock.now()
    const { id } = await scene.client.send(hung)
    await scene.clock.pass('1s')
    await until(scene, 'settled', id)
    expect(notes).toContainEqual(['failed', expect.objectContaining({ id, how: 'timed-out', startedAt })])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('change nothing where one %s, and are named in the log', async (_, started) => {
    const { lines, logger } = aKeptLog()
    await using scene = await startTestWorker({ tasks: [fate], plugins: [{ name: 'bad', on: { started } }], logger })
    const handle = await scene.client.send(fate, { how: 'succeed' })
    expect(await handle.result()).toBe('done')
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'plugin.failed', plugin: 'bad', hook: 'on.started', error: 'no' }),
    )
  })

  it('are logged once a minute for each moment, with how often', async () => {
    const { lines, logger } = aKeptLog()
    const clock = new ManualClock(0)
    const on: PluginObservers = {
      quarantined: () => {
        throw new Error('no')
      },
    }
    const observers = new Observers([{ name: 'bad', on }], new FailureLog(logger, clock))
    const tell = async (): Promise<void> => {
      observers.tell('quarantined', { task: undefined })
      await Promise.resolve()
      await Promise.resolve()
    }
    for (let times = 0; times < 5; times++) await tell()
    await clock.pass('1m')
    await tell()
    await clock.pass('1m')
    expect(lines.map(({ times }) => times)).toEqual([1, 4, 1])
  })
})
