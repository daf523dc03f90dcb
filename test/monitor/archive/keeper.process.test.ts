import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Sqlite from 'libsql'
import { expect, it } from 'vitest'
import { Audit } from '../../../src/monitor/actions/audit.ts'
import type { AuditList } from '../../../src/monitor/answers/actions.ts'
import type { Overview, Series } from '../../../src/monitor/answers/cluster.ts'
import type { TaskDetail, TaskList } from '../../../src/monitor/answers/tasks.ts'
import { Archive } from '../../../src/monitor/archive/archive.ts'
import { Keeper } from '../../../src/monitor/archive/keeper.ts'
import { createMonitor } from '../../../src/monitor/create-monitor.ts'
import { MonitorStore } from '../../../src/monitor/store/monitor-store.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { aMonitor, aTaskEvent } from '../../support/a-monitor.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { tempFolder } from '../../support/temp-folder.ts'

it('a monitor that is started again knows what the one before had seen, and says from when to when nothing was', async () => {
  const file = join(tempFolder(), 'tasks.db')
  {
    await using before = await aMonitor({ store: file })
    await before.say([
      aTaskEvent('task-received', 'ended', { name: 'add', args: '(1, 2)' }),
      aTaskEvent('task-started', 'ended'),
      aTaskEvent('task-succeeded', 'ended', { result: '3', runtime: 0.5 }),
      aTaskEvent('task-received', 'running', { name: 'hold' }),
      aTaskEvent('task-started', 'running'),
      aTaskEvent('task-sent', 'waiting', { name: 'wait', hostname: 'gen1@host', queue: 'celery' }),
    ])
    await before.until<TaskList>('/api/tasks?state=STARTED', ({ tasks }) => tasks.length === 1)
  }
  await using after = await aMonitor({ store: file })
  expect(await after.get<TaskDetail>('/api/tasks/ended')).toMatchObject({ state: 'SUCCESS', result: { text: '3' } })
  expect((await after.get<TaskDetail>('/api/tasks/ended')).timeline.length).toBe(3)
  const running = await after.until<TaskDetail>('/api/tasks/running', ({ unknownSince }) => unknownSince !== undefined)
  const { gaps, totals } = await after.get<Overview>('/api/overview')
  expect([running.state, running.unknownSince]).toEqual(['STARTED', gaps[0]?.from])
  // Nobody can tell whether it still waits in its queue, or was taken unseen.
  const waiting = await after.until<TaskDetail>('/api/tasks/waiting', ({ unknownSince }) => unknownSince !== undefined)
  expect([waiting.state, waiting.unknownSince]).toEqual(['PENDING', gaps[0]?.from])
  await after.say(aTaskEvent('task-received', 'waiting'))
  await after.until<TaskDetail>('/api/tasks/waiting', ({ unknownSince }) => unknownSince === undefined)
  expect(totals).toMatchObject({ received: 2, started: 2, succeeded: 1 })
  expect((await after.get<TaskList>('/api/tasks?text=add')).tasks.map(({ id }) => id)).toEqual(['ended'])
})

it('lists tasks that memory has forgotten', async () => {
  const file = join(tempFolder(), 'tasks.db')
  await using scene = await aMonitor({ hide: ['args'], store: file })
  for (let first = 0; first < 12_000; first += 1_000) {
    await scene.say(
      Array.from({ length: 1_000 }, (_, number) =>
        aTaskEvent('task-received', `t${first + number}`, { name: 'add', args: 'secret' }),
      ),
    )
  }
  await scene.until<TaskList>('/api/tasks', ({ remembered }) => remembered === 12_000)
  expect(await scene.get<TaskDetail>('/api/tasks/t0')).toMatchObject({ state: 'RECEIVED', name: 'add' })
  expect((await scene.get<TaskList>('/api/tasks?text=t11999')).tasks.map(({ id }) => id)).toEqual(['t11999'])
  expect((await scene.get<TaskList>('/api/tasks?text=secret')).matching).toBe(0)
})

it('has the charts and the audit of the monitor before, and no numbers where nothing was heard', async () => {
  const file = join(tempFolder(), 'tasks.db')
  const sum = (counts: Series['received']) => counts.reduce<number>((all, one) => all + (one ?? 0), 0)
  let before: Series
  {
    await using scene = await aMonitor({ store: file, allowControl: true })
    await scene.say([aTaskEvent('task-received', 'one'), aTaskEvent('task-succeeded', 'one', { runtime: 0.5 })])
    before = await scene.until<Series>('/api/series', ({ succeeded }) => sum(succeeded) > 0)
    // There is no worker to hear it.
    expect((await scene.post('/api/tasks/revoke', { ids: ['one'] })).status).toBe(409)
  }
  await using scene = await aMonitor({ store: file })
  for (const span of ['hour', 'day']) {
    const after = await scene.get<Series>(`/api/series?span=${span}`)
    expect(sum(after.succeeded) * after.step).toBeCloseTo(1)
    expect(after.runtime50.filter((one) => one !== null)).toEqual(before.runtime50.filter((one) => one !== null))
    expect(after.received[0]).toBe(null)
  }
  const { since, entries } = await scene.get<AuditList>('/api/audit')
  expect(entries).toMatchObject([{ who: 'anyone', what: 'revoke', on: 'one', outcome: 'failed' }])
  expect(since).toBe((await scene.get<Overview>('/api/overview')).since)
})

it('keeps the latest of what it could not write, within its bytes', async () => {
  const file = join(tempFolder(), 'tasks.db')
  const store = new MonitorStore(0)
  store.restore([], [])
  const audit = new Audit(
    () => 0,
    undefined,
    () => {},
  )
  const archive = await Archive.open(file)
  const parts = {
    archive,
    store,
    audit,
    link: { gaps: [] },
    hide: () => [],
    clock: new ManualClock(),
    logger: undefined,
  }
  const keeper = new Keeper({ ...parts, bytes: 200_000 })
  const other = new Sqlite(file)
  other.exec('ALTER TABLE texts RENAME TO away')
  for (let number = 0; number < 100; number += 1) {
    const event = aTaskEvent('task-received', `t${number}`, { local_received: 0, args: 'x'.repeat(5_000) })
    store.apply(event as unknown as CeleryEvent)
    await keeper.flush()
  }
  expect(await archive.count()).toBe(0)
  other.exec('ALTER TABLE away RENAME TO texts')
  other.close()
  await keeper.close()
  const again = await Archive.open(file)
  const many = await again.count()
  expect([many > 5, many < 15, (await again.task('t99'))?.state.uuid]).toEqual([true, true, 't99'])
  await again.close()
})

// No broker is there, and none is needed for what is kept.
const BROKER = 'amqp://127.0.0.1:1//'

it('createMonitor keeps tasks in the file that it is given, and lets go of it when it is closed', async () => {
  const file = join(tempFolder(), 'tasks.db')
  {
    await using before = await aMonitor({ store: file })
    await before.say([aTaskEvent('task-received', 'kept', { name: 'add' })])
    await before.until<TaskList>('/api/tasks', ({ tasks }) => tasks.length === 1)
  }
  const monitor = createMonitor({ authorize: () => ({ name: 'ada' }), broker: BROKER, store: file })
  // It waits for the file.
  const response = await monitor.fetch(new Request('http://127.0.0.1/api/tasks/kept'))
  expect(await response.json()).toMatchObject({ id: 'kept', name: 'add', state: 'RECEIVED' })
  await monitor.close()
  // SQLite removes its log when the last one closes the file.
  expect(readdirSync(dirname(file))).toEqual(['tasks.db'])
})

it('createMonitor says what is wrong with a file that it can not use, and serves nothing', async () => {
  const lines: unknown[] = []
  const logger = { ...silentLogger, error: (line: unknown) => lines.push(line) }
  await using monitor = createMonitor({
    ...{ authorize: () => ({ name: 'ada' }), broker: BROKER, logger },
    store: tempFolder(),
  })
  const response = await monitor.fetch(new Request('http://127.0.0.1/api/tasks'))
  expect(response.status).toBe(503)
  await expect(monitor.ready).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
  expect(lines).toMatchObject([{ event: 'monitor.not-opened', err: { code: 'TWQ_CONFIG' } }])
})
