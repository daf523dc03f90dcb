import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Audit } from '../../../src/monitor/actions/audit.ts'
import { Archive } from '../../../src/monitor/archive/archive.ts'
import { Keeper } from '../../../src/monitor/archive/keeper.ts'
import { MonitorStore } from '../../../src/monitor/store/monitor-store.ts'
import type { Timer } from '../../../src/runtime/time/clock.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { aMonitor } from '../../support/a-monitor.ts'
import { tempFolder } from '../../support/temp-folder.ts'

it('refuses what is asked of it once it was closed, and can be closed twice', async () => {
  const archive = await Archive.open(join(tempFolder(), 'tasks.db'))
  const asked = archive.count()
  await archive.close()
  expect(await asked).toBe(0)
  await expect(archive.count()).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  await archive.close()
})

it('answers what is asked while it forgets many tasks', async () => {
  const archive = await Archive.open(join(tempFolder(), 'tasks.db'))
  const tasks = Array.from({ length: 1_200 }, (_, number) => ({
    state: { uuid: `t${number}`, state: 'SUCCESS', timestamp: 1_000, clock: 1 },
    history: { moments: [], omitted: 0, unknownSince: undefined },
    text: 'order',
  }))
  const totals = new MonitorStore(0).totals
  await archive.save({ tasks, steps: [], audit: [] }, { heardUntil: 0, since: 0, totals, gaps: [] })
  const forgotten = archive.forget(2_000, 2_000)
  expect(await archive.count()).toBe(700)
  await forgotten
  expect(await archive.count()).toBe(0)
  await archive.save({ tasks: tasks.slice(5), steps: [], audit: [] }, { heardUntil: 0, since: 0, totals, gaps: [] })
  expect([await archive.count(), (await archive.find({ limit: 1, text: 'order' })).matching]).toEqual([1_195, 1_195])
  await archive.close()
})

/** Counts the timers that were set. */
class CountingClock extends ManualClock {
  timers = 0

  override after(ms: number, run: () => void): Timer {
    this.timers += 1
    return super.after(ms, run)
  }
}

it('is written no more once its keeper was closed, even in the middle of a write', async () => {
  const clock = new CountingClock()
  const store = new MonitorStore(0)
  const audit = new Audit(
    () => 0,
    undefined,
    () => {},
  )
  const archive = await Archive.open(join(tempFolder(), 'tasks.db'))
  const keeper = new Keeper({ archive, store, audit, link: { gaps: [] }, hide: () => [], clock, logger: undefined })
  clock.advance(500)
  const before = clock.timers
  await keeper.close()
  expect(clock.timers).toBe(before)
})

it('a monitor that was closed answers 503, and can be closed again', async () => {
  const scene = await aMonitor({ store: join(tempFolder(), 'tasks.db') })
  await scene.monitor.close()
  for (const path of ['/api/tasks', '/api/overview', '/api/stream']) {
    const response = await scene.fetch(path)
    expect([path, response.status, await response.json()]).toEqual([path, 503, { error: 'this monitor was closed' }])
  }
  await scene.monitor.close()
})
