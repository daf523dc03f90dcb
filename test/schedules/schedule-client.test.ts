import { describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { createClientOf } from '../../src/client/create-client.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker } from '../../src/testing/test-worker.ts'

const T = Date.UTC(2030, 0, 1)

async function aScene(config = {}) {
  const clock = new ManualClock(T)
  const runs: { readonly id: string; readonly who: string; readonly at: number }[] = []
  const greet = defineTask({
    name: 'greet',
    positional: ['who'],
    run: ({ who }: { who: string }, ctx) => void runs.push({ id: ctx.id, who, at: clock.now() - T }),
  })
  const schedules = { configured: { task: greet, args: ['you'], cron: '0 * * * *', tz: 'Europe/Berlin' } }
  const scene: TestWorker = await startTestWorker({ tasks: [greet], clock, config: { schedules, ...config } })
  onTestFinished(() => scene[Symbol.asyncDispose]())
  return { clock, runs, greet, schedules: scene.client.schedules, scene }
}

describe('client.schedules', () => {
  it('sets an entry, which is sent from then on, sets it anew, and removes it', async () => {
    const { clock, runs, greet, schedules } = await aScene()
    expect(await schedules.set('often', { task: greet, args: ['a'], every: '10s' })).toBe('applied')
    await clock.pass('25s')
    expect(await schedules.set('often', { task: greet, args: ['b'], every: '10s' })).toBe('applied')
    await clock.pass('10s')
    expect(await schedules.remove('often')).toBe('applied')
    await clock.pass('1m')
    expect(runs.map(({ who, at }) => [who, at])).toEqual([
      ['a', 10_000],
      ['a', 20_000],
      ['b', 30_000],
    ])
  })

  it('lists all entries, with their leader, when they are due next and when they were sent last', async () => {
    const { clock, greet, schedules, scene } = await aScene()
    await schedules.set('often', { task: greet, args: ['a'], every: '10s', queue: 'celery' })
    await clock.pass('15s')
    const { leader, now, entries } = await schedules.list()
    expect(leader).toBe(scene.worker.node)
    expect(now).toBe('2030-01-01T00:00:15.000Z')
    expect(entries).toMatchObject([
      { name: 'configured', task: 'greet', source: 'config', state: 'active', next: '2030-01-01T01:00:00.000Z' },
      {
        name: 'often',
        source: 'set',
        next: '2030-01-01T00:00:20.000Z',
        definition: { task: 'greet', args: ['a'], every: '10s', queue: 'celery' },
        lastRun: { due: '2030-01-01T00:00:10.000Z', sentAt: '2030-01-01T00:00:10.000Z' },
      },
    ])
  })

  it('pauses an entry of the configuration, and resumes it without what was due meanwhile', async () => {
    const { clock, runs, schedules } = await aScene()
    await schedules.pause('configured')
    await clock.pass('150m')
    expect((await schedules.list()).entries).toMatchObject([{ state: 'paused' }])
    await schedules.resume('configured')
    await clock.pass('1h')
    expect(runs.map(({ at }) => at)).toEqual([3 * 3_600_000])
  })

  it('sends an entry at once, under the id that it gives', async () => {
    const { clock, runs, schedules } = await aScene()
    const { id, outcome } = await schedules.trigger('configured')
    await clock.pass('1s')
    expect(outcome).toBe('applied')
    expect(runs).toEqual([{ id, who: 'you', at: 0 }])
  })

  it('refuses what can not be done, with the reason', async () => {
    const { greet, schedules } = await aScene()
    await expect(schedules.remove('configured')).rejects.toMatchObject({
      code: 'TWQ_SCHEDULE',
      message: "schedule 'configured' is in the configuration of the workers",
      hint: 'Remove it there, or pause it',
    })
    await expect(schedules.set('configured', { task: greet, args: ['a'], every: '1m' })).rejects.toThrow(
      /in the configuration/,
    )
    await expect(schedules.pause('unknown')).rejects.toThrow(/there is no schedule 'unknown'/)
  })

  it('refuses a schedule that can not be meant before anything is sent', async () => {
    const { greet, schedules } = await aScene()
    await expect(schedules.set('x', { task: greet, args: ['a'], cron: '* *' })).rejects.toMatchObject({
      code: 'TWQ_ARGUMENTS',
    })
    await expect(schedules.set('x', { task: greet, args: ['a', 'b'], every: '1m' })).rejects.toThrow(/greet\(\) takes/)
    await expect(schedules.set('', { task: greet, args: ['a'], every: '1m' })).rejects.toThrow(
      /a name is a text of 1 to 200 bytes/,
    )
  })

  it('may do what `control` of the leader allows, and read in any case', async () => {
    const { schedules } = await aScene({ control: ['schedule_pause'] })
    await expect(schedules.trigger('configured')).rejects.toThrow(/takes no command schedule_trigger/)
    expect(await schedules.pause('configured')).toBe('applied')
    expect((await schedules.list()).entries).toHaveLength(1)
  })

  it('says that there is no leader: a question fails, a command waits for the next one', async () => {
    const { clock, schedules, scene } = await aScene()
    await scene.worker.stop('warm')
    const listed = expect(schedules.list()).rejects.toMatchObject({ code: 'TWQ_SCHEDULES_NO_LEADER' })
    const paused = schedules.pause('configured')
    await clock.pass('2s')
    await listed
    expect(await paused).toBe('queued: no leader')
    const { broker } = scene
    const next = startTestWorker({ tasks: [], broker, clock, config: { schedules: {} } })
    await clock.pass('2s')
    await using _ = await next
    expect((await schedules.list()).entries).toMatchObject([{ name: 'configured', state: 'paused' }])
  })

  it('knows no leader where no worker with schedules has ever been', async () => {
    const clock = new ManualClock(T)
    await using client = createClientOf(createMemoryBroker({ clock }), clock)
    await expect(client.schedules.pause('x')).rejects.toMatchObject({ code: 'TWQ_SCHEDULES_NO_LEADER' })
  })
})
