import { describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { type Deferred, deferred } from '../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../src/runtime/time/manual-clock.ts'
import type { Schedules } from '../../src/schedules/entries/schedule.ts'
import { occurrenceId } from '../../src/schedules/times/occurrence.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { startTestWorker, type TestWorker } from '../../src/testing/test-worker.ts'

const T = Date.UTC(2030, 0, 1)

interface Run {
  readonly id: string
  readonly name: unknown
  readonly at: number
  readonly day: string
}

/** Workers on one broker, in one virtual time, which note each run. */
function aFleet() {
  const clock = new ManualClock(T)
  const broker = createMemoryBroker({ clock })
  const runs: Run[] = []
  const report = defineTask({
    name: 'report',
    positional: ['day'],
    run: ({ day }: { day: string }, ctx) => {
      const { headers, id } = ctx.request
      runs.push({ id, name: headers.periodic_task_name, at: clock.now(), day })
    },
  })
  const start = async (schedules: Schedules, config = {}, more: readonly AnyTask[] = []): Promise<TestWorker> => {
    const starting = startTestWorker({ tasks: [report, ...more], broker, clock, config: { schedules, ...config } })
    starting.catch(() => {})
    // It asks the others what they know, and waits for answers.
    await clock.pass(1_500)
    const worker = await starting
    onTestFinished(async () => {
      await worker[Symbol.asyncDispose]()
    })
    return worker
  }
  return { clock, broker, runs, report, start }
}

describe('a worker with schedules', () => {
  it('sends what is due, under the id of the occurrence and with the name of the entry', async () => {
    const { clock, runs, report, start } = aFleet()
    await start({ nightly: { task: report, args: ['today'], cron: '0 3 * * *' } })
    await clock.pass('4h')
    expect(runs).toEqual([
      {
        id: occurrenceId('default', 'nightly', T + 3 * 3_600_000),
        name: 'nightly',
        at: T + 3 * 3_600_000,
        day: 'today',
      },
    ])
  })

  it('sends each of an entry that is due every ten seconds, once, though three workers have it', async () => {
    const { clock, runs, report, start } = aFleet()
    const schedules = { often: { task: report, args: ['x'], every: '10s' } }
    for (let worker = 0; worker < 3; worker += 1) await start(schedules)
    await clock.pass('5m')
    expect(runs.map(({ at }) => at)).toEqual(Array.from({ length: 30 }, (_, index) => T + (index + 1) * 10_000))
  })

  it('goes on where the one that led has stopped', async () => {
    const { clock, runs, report, start } = aFleet()
    const schedules: Schedules = { often: { task: report, args: ['x'], every: '10s', catchUp: 'all' } }
    const first = await start(schedules)
    await start(schedules)
    await clock.pass('25s')
    await first.worker.stop('warm')
    await clock.pass('25s')
    expect(runs.map(({ at }) => at - T)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000])
  })

  it('makes up for what was due while no worker was there, as catchUp says', async () => {
    const { clock, runs, report, start } = aFleet()
    const entry = (catchUp: 'all' | 'last' | 'skip') => ({ task: report, args: [catchUp], every: '10s', catchUp })
    const schedules = { all: entry('all'), last: entry('last'), skip: entry('skip') }
    const first = await start(schedules)
    await first.worker.stop('warm')
    await clock.pass('35s')
    await start(schedules)
    const of = (day: string) => runs.filter((run) => run.day === day).map(({ id }) => id)
    const ids = (name: string, ...seconds: number[]) => seconds.map((s) => occurrenceId('default', name, T + s * 1_000))
    await clock.pass('1s')
    expect(of('all')).toEqual(ids('all', 10, 20, 30))
    expect(of('last')).toEqual(ids('last', 30))
    expect(of('skip')).toEqual([])
    await clock.pass('5s')
    expect(of('skip')).toEqual(ids('skip', 40))
  })

  it('marks what one that led before may have sent, and nothing else', async () => {
    const { clock, start } = aFleet()
    const told: [number, boolean][] = []
    const tell = defineTask({ name: 'tell', run: (_, ctx) => void told.push([clock.now() - T, ctx.redelivered]) })
    const schedules: Schedules = { often: { task: tell, every: '10s', catchUp: 'all' } }
    const first = await start(schedules, {}, [tell])
    await clock.pass('10s')
    await first.worker.stop('warm')
    await clock.pass('10s')
    await start(schedules, {}, [tell])
    await clock.pass('10s')
    expect(told.map(([, redelivered]) => redelivered)).toEqual([false, true, false])
  })

  it('goes on at its own time where the clock of the one that led before was an hour ahead', async () => {
    const { clock, broker, runs, report } = aFleet()
    const schedules: Schedules = { often: { task: report, args: ['x'], every: '10s' } }
    const startAt = async (ahead: { ms: number }): Promise<TestWorker> => {
      const wrong = {
        now: () => clock.now() + ahead.ms,
        monotonic: () => clock.monotonic(),
        after: (ms: number, run: () => void) => clock.after(ms, run),
      } as unknown as ManualClock
      const starting = startTestWorker({ tasks: [report], broker, clock: wrong, config: { schedules } })
      await clock.pass(1_500)
      return await starting
    }
    await using first = await startAt({ ms: 3_600_000 })
    await clock.pass('30s')
    const early = runs.length
    expect(early).toBeGreaterThan(0)
    await first.worker.stop('warm')
    const right = { ms: 0 }
    await using second = await startAt(right)
    await clock.pass('1m')
    expect(second.worker.node).toBeTruthy()
    expect(runs.length - early).toBeGreaterThanOrEqual(5)

    // The same, where the clock of the one that leads is set right while it does.
    right.ms = 3_600_000
    await clock.pass('1m')
    right.ms = 0
    await clock.pass('1m')
    const before = runs.length
    await clock.pass('1m')
    expect(runs.length - before).toBeGreaterThanOrEqual(5)
  })

  it('sends nothing where it is told to leave schedules to others', async () => {
    const { clock, runs, report, start } = aFleet()
    await start({ often: { task: report, args: ['x'], every: '10s' } }, { leadSchedules: false })
    await clock.pass('1m')
    expect(runs).toEqual([])
  })

  it('does not start with arguments that its task does not take', async () => {
    const { report, start } = aFleet()
    await expect(start({ often: { task: report, args: ['x', 'y'], every: '10s' } })).rejects.toThrow(
      /schedules\['often'\] can't be sent: report\(\) takes/,
    )
  })

  it('tells of wrong entries with everything else that is wrong in the configuration', async () => {
    const { report, start } = aFleet()
    const wrong = { often: { task: report, cron: '* *' } }
    await expect(start(wrong, { concurrency: 0 })).rejects.toThrow(
      /2 problems[\s\S]*concurrency[\s\S]*schedules\['often'\]\.cron can't be read/,
    )
  })

  it('lets a new definition take the place of an old one, and keeps it while old workers start again', async () => {
    const { clock, runs, report, start } = aFleet()
    const old = { often: { task: report, args: ['old'], every: '10s' } }
    await start(old)
    await clock.pass('15s')
    await start({ often: { task: report, args: ['new'], every: '10s' } })
    await clock.pass('10s')
    await start(old)
    await clock.pass('2m')
    expect(runs.slice(0, 3).map(({ day }) => day)).toEqual(['old', 'new', 'new'])
    expect(new Set(runs.slice(1).map(({ day }) => day))).toEqual(new Set(['new']))
  })

  it('builds its queue anew from what the workers announce, where it was deleted', async () => {
    const { clock, broker, runs, report, start } = aFleet()
    await start({ often: { task: report, args: ['x'], every: '10s' } })
    await clock.pass('15s')
    await using connection = await broker.connect()
    await using channel = await connection.openChannel()
    await channel.deleteQueue('twq.schedules.default')
    await clock.pass('1m')
    expect(runs.length).toBeGreaterThanOrEqual(6)
  })

  it('quarantines what it can not read, and goes on', async () => {
    const { clock, broker, runs, report, start } = aFleet()
    await start({ often: { task: report, args: ['x'], every: '10s' } })
    await using connection = await broker.connect()
    await using channel = await connection.openChannel()
    const garbage = (type: string | undefined, body: string) =>
      channel.publish(
        { exchange: '', routingKey: 'twq.schedules.default' },
        { properties: { type }, headers: {}, body: Buffer.from(body) },
      )
    await garbage('twq.schedules.state', '{"format":1,"version":1e300}')
    await garbage('twq.schedules.announcement', '[')
    await garbage('twq.schedules.command', '{}')
    await garbage(undefined, 'x')
    await clock.pass('25s')
    expect((await channel.inspectQueue('twq.schedules.default.quarantine')).messages).toBe(4)
    expect(runs.length).toBe(2)
  })

  it('sends other entries while the broker has yet to confirm one', async () => {
    const { clock, runs, report, start } = aFleet()
    const confirmed = deferred<void>()
    const slowly: Plugin = {
      name: 'slowly',
      async aroundSend({ kind, headers }, next) {
        const sent = await next()
        if (kind === 'schedule' && headers.periodic_task_name === 'slow') await confirmed.promise
        return sent
      },
    }
    const schedules = { slow: { task: 'none', every: '10s' }, often: { task: report, args: ['x'], every: '10s' } }
    const { client } = await start(schedules, { plugins: [slowly], publishTimeout: '1h' })
    await clock.pass('50s')
    expect(runs).toHaveLength(5)
    confirmed.resolve()
    await clock.pass('1s')
    const { entries } = await client.schedules.list()
    // Of what has passed meanwhile the last one was sent.
    expect(entries.map(({ lastRun }) => lastRun?.due)).toEqual(Array(2).fill('2030-01-01T00:00:50.000Z'))
  })

  it('stops though the broker has yet to confirm what was sent, and sends nothing more', async () => {
    const { clock, report, start } = aFleet()
    let sends = 0
    const never: Plugin = {
      name: 'never',
      async aroundSend(_send, next) {
        sends += 1
        await next()
        return await new Promise<never>(() => {})
      },
    }
    const schedules = { often: { task: report, args: ['x'], every: '10s', catchUp: 'all' } } as const
    const { worker } = await start(schedules, { plugins: [never], publishTimeout: '1h' })
    await clock.pass('25s')
    const stopped = worker.stop('warm')
    await clock.pass('30s')
    await stopped
    expect(sends).toBe(2)
  })

  it('leaves what the broker has confirmed to no other when it stops, though it has yet to confirm another', async () => {
    const { clock, runs, report, start } = aFleet()
    const never: Plugin = {
      name: 'never',
      async aroundSend({ headers }, next) {
        const sent = await next()
        return headers.periodic_task_name === 'stuck' ? await new Promise<never>(() => {}) : sent
      },
    }
    const schedules = { stuck: { task: 'none', every: '10s' }, often: { task: report, args: ['x'], every: '10s' } }
    const { worker } = await start(schedules, { plugins: [never], publishTimeout: '1h' })
    await start(schedules)
    await clock.pass(20_100 - (clock.now() - T))
    const stopped = worker.stop('warm')
    await clock.pass('6s')
    await stopped
    await clock.pass('10s')
    expect(runs.map(({ at }) => at - T)).toEqual([10_000, 20_000, 30_000])
  })

  it("does not send an entry with overlap: 'skip' while its last run has not ended", async () => {
    const { clock, runs, start } = aFleet()
    const running: Deferred<void>[] = []
    const slow = defineTask({
      name: 'slow',
      run: async (_args, ctx) => {
        runs.push({ id: ctx.id, name: ctx.name, at: clock.now() - T, day: '' })
        const end = deferred<void>()
        running.push(end)
        await end.promise
      },
    })
    await start({ slow: { task: slow, every: '10s', overlap: 'skip', overlapTimeout: '1m' } }, {}, [slow])
    await clock.pass('35s')
    expect(runs.map(({ at }) => at)).toEqual([10_000])
    running[0]?.resolve()
    await clock.pass('10s')
    expect(runs.map(({ at }) => at)).toEqual([10_000, 40_000])
    // A failure is an end, too.
    running[1]?.reject(new Error('no'))
    await clock.pass('10s')
    expect(runs.map(({ at }) => at)).toEqual([10_000, 40_000, 50_000])
    // One that never tells of its end is waited for so long, and no longer.
    await clock.pass('65s')
    expect(runs.map(({ at }) => at)).toEqual([10_000, 40_000, 50_000, 110_000])
    for (const end of running) end.resolve()
  })
})
