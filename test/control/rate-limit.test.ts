import { expect, it } from 'vitest'
import { rateLimit } from '../../src/control/commands/rate-limit.ts'
import type { WorkerView } from '../../src/control/worker-view.ts'

it.each([
  [{ task_name: 'add', rate_limit: '30/m' }, { ok: 'new rate limit set successfully' }, 0.5],
  [{ task_name: 'add', rate_limit: 10 }, { ok: 'new rate limit set successfully' }, 10],
  [{ task_name: 'add', rate_limit: 0 }, { ok: 'rate limit disabled successfully' }, 0],
  [{ task_name: 'add', rate_limit: '' }, { ok: 'rate limit disabled successfully' }, 0],
  [{ task_name: 'nobody', rate_limit: '1/s' }, { error: 'unknown task' }, undefined],
  [
    { task_name: 'add', rate_limit: 'abc' },
    { error: `Invalid rate limit string: ValueError("could not convert string to float: 'abc'")` },
    undefined,
  ],
])('answers %j as Celery does', (args, answer, set) => {
  let limit: number | undefined
  const limitRate = (task: string, rate: number): boolean => {
    if (task !== 'add') return false
    limit = rate
    return true
  }
  expect(rateLimit.handle({ limitRate } as Partial<WorkerView> as WorkerView, args)).toEqual(answer)
  expect(limit).toBe(set)
})
