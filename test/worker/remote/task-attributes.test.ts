import { expect, it } from 'vitest'
import { resolveConfig } from '../../../src/config/resolve-config.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { celeryTaskAttributes } from '../../../src/worker/remote/task-attributes.ts'

const config = (content: object = {}) =>
  resolveConfig({ file: { path: '/project/worker.config.ts', content }, baseDir: '/project' })

it("has every attribute of Celery's tasks that has a value, also where the task says nothing", () => {
  const plain = defineTask({ name: 'm.info', run() {} })
  expect(celeryTaskAttributes(plain, config(), undefined)).toEqual({
    name: 'm.info',
    typing: true,
    max_retries: 3,
    default_retry_delay: 1,
    ignore_result: false,
    trail: true,
    send_events: true,
    serializer: 'json',
    track_started: false,
    acks_late: true,
    acks_on_failure_or_timeout: true,
    reject_on_worker_lost: true,
  })
})

it('has what the task says before what the configuration says', () => {
  const settings = {
    acks: 'early',
    timeLimit: { hard: '5s' },
    ignoreResult: true,
    trackStarted: true,
    rateLimit: '5/m',
    priority: 3,
    queue: 'a',
    retry: { limit: 7, delay: { base: '2s' } },
  } as const
  const own = defineTask({ name: 'own', ...settings, run() {} })
  expect(celeryTaskAttributes(own, config({ timeLimit: '1m', softTimeLimit: '30s' }), undefined)).toMatchObject({
    acks_late: false,
    time_limit: 5,
    soft_time_limit: 30,
    ignore_result: true,
    track_started: true,
    rate_limit: '5/m',
    priority: 3,
    queue: 'a',
    max_retries: 7,
    default_retry_delay: 2,
  })
  expect(celeryTaskAttributes(own, config(), null)).not.toHaveProperty('rate_limit')
  const endless = defineTask({ name: 'endless', retry: { limit: null }, run() {} })
  expect(celeryTaskAttributes(endless, config(), undefined)).not.toHaveProperty('max_retries')
})
