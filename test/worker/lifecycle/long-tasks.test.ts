import { expect, it } from 'vitest'
import { longTasks } from '../../../src/worker/lifecycle/long-tasks.ts'

it('names the tasks that may run longer than the broker waits for their acknowledgement', () => {
  const tasks = [
    { name: 'unlimited', settings: {} },
    { name: 'half an hour', settings: { timeLimit: { hard: '30m' } } },
    { name: 'longer', settings: { timeLimit: { hard: '31m' } } },
    { name: 'longer softly', settings: { timeLimit: { soft: '31m' } } },
    { name: 'longer early', settings: { timeLimit: { hard: 3_600_000 }, acks: 'early' } },
    { name: 'longer late', settings: { timeLimit: { hard: 3_600_000 }, acks: 'late' } },
  ] as const
  expect(longTasks(tasks, { acks: 'late' })).toEqual(['longer', 'longer late'])
  expect(longTasks(tasks, { acks: 'early' })).toEqual(['longer late'])
})
