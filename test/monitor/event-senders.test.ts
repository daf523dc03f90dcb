import { expect, it } from 'vitest'
import type { WorkerList } from '../../src/monitor/answers/cluster.ts'
import { aMonitor, aTaskEvent, aWorkerEvent } from '../support/a-monitor.ts'

const OTHER = { hostname: 'w2@host' }

it('names a worker that has worked since it was heard of first, and of whose tasks no event came', async () => {
  await using scene = await aMonitor()
  await scene.say(aWorkerEvent('worker-heartbeat', { processed: 7, active: 1 }))
  const { workers } = await scene.until<WorkerList>('/api/workers', (list) => list.workers[0]?.processed === 7)
  expect(workers).toMatchObject([{ taskEvents: 'silent' }])
})

it('accuses no worker of tasks that it began before the monitor was there', async () => {
  await using scene = await aMonitor()
  const told = async (processed: number, type = 'worker-heartbeat') => {
    await scene.say(aWorkerEvent(type, { ...OTHER, processed }))
    const list = await scene.until<WorkerList>('/api/workers', ({ workers }) => workers[1]?.processed === processed)
    return list.workers[1]?.taskEvents
  }
  // As after a lost connection.
  expect(await told(7, 'worker-online')).toBe('unknown')
  expect([await told(7), await told(8)]).toEqual(['unknown', 'silent'])
  // Started again, and heard of later than that.
  expect([await told(3), await told(4)]).toEqual(['unknown', 'silent'])
  await scene.say(aTaskEvent('task-started', 't1', OTHER))
  const heard = await scene.until<WorkerList>('/api/workers', ({ workers }) => workers[1]?.taskEvents !== 'silent')
  expect(heard.workers[1]?.taskEvents).toBe('heard')
})
