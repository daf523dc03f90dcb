import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Overview } from '../../../src/monitor/answers/cluster.ts'
import type { TaskDetail, TaskList } from '../../../src/monitor/answers/tasks.ts'
import { openKept } from '../../../src/monitor/archive/keeper.ts'
import { aMonitor, aTaskEvent } from '../../support/a-monitor.ts'
import { tempFolder } from '../../support/temp-folder.ts'

it('a monitor that is started again knows what the one before had seen, and says from when to when nothing was', async () => {
  const file = join(tempFolder(), 'tasks.db')
  {
    await using before = await aMonitor({}, undefined, await openKept(file))
    await before.say([
      aTaskEvent('task-received', 'ended', { name: 'add', args: '(1, 2)' }),
      aTaskEvent('task-started', 'ended'),
      aTaskEvent('task-succeeded', 'ended', { result: '3', runtime: 0.5 }),
      aTaskEvent('task-received', 'running', { name: 'hold' }),
      aTaskEvent('task-started', 'running'),
    ])
    await before.until<TaskList>('/api/tasks?state=STARTED', ({ tasks }) => tasks.length === 1)
  }
  await using after = await aMonitor({}, undefined, await openKept(file))
  expect(await after.get<TaskDetail>('/api/tasks/ended')).toMatchObject({ state: 'SUCCESS', result: { text: '3' } })
  expect((await after.get<TaskDetail>('/api/tasks/ended')).timeline.length).toBe(3)
  const running = await after.until<TaskDetail>('/api/tasks/running', ({ unknownSince }) => unknownSince !== undefined)
  const { gaps, totals } = await after.get<Overview>('/api/overview')
  expect([running.state, running.unknownSince]).toEqual(['STARTED', gaps[0]?.from])
  expect(totals).toMatchObject({ received: 2, started: 2, succeeded: 1 })
  expect((await after.get<TaskList>('/api/tasks?text=add')).tasks.map(({ id }) => id)).toEqual(['ended'])
})

it('lists tasks that memory has forgotten', async () => {
  const file = join(tempFolder(), 'tasks.db')
  await using scene = await aMonitor({ hide: ['args'] }, undefined, await openKept(file))
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
