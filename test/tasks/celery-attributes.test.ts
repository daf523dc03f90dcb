import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { attributesMarkdown } from '../support/celery-markdown.ts'

// What `@app.task(…)` takes: the attributes of Celery 5.6's Task, its hooks, and what `app.task` itself reads.
const ATTRIBUTES = [
  ...['abstract', 'acks_late', 'acks_on_failure_or_timeout', 'after_return', 'autoretry_for', 'backend', 'base'],
  ...['before_start', 'bind', 'default_retry_delay', 'dont_autoretry_for', 'ignore_result', 'max_retries'],
  ...['on_failure', 'on_retry', 'on_success', 'on_timeout', 'pydantic', 'pydantic_context', 'pydantic_dump_kwargs'],
  ...['pydantic_strict', 'rate_limit', 'reject_on_worker_lost', 'request_stack', 'Request', 'resultrepr_maxsize'],
  ...['retry_backoff', 'retry_backoff_max', 'retry_jitter', 'retry_kwargs', 'send_events', 'serializer', 'shared'],
  ...['soft_time_limit', 'store_eager_result', 'store_errors_even_if_ignored', 'Strategy', 'throws', 'time_limit'],
  ...['track_started', 'trail', 'typing', 'routing_key', 'exchange', 'delivery_mode'],
]

function refused(settings: object): TwqError {
  try {
    defineTask({ name: 'add', run() {}, ...settings } as never)
  } catch (error) {
    if (TwqError.is(error, 'TWQ_TASK_DEFINITION')) return error
  }
  throw new Error('the definition was accepted')
}

describe("an attribute of Celery's tasks in defineTask", () => {
  it.each(ATTRIBUTES)('%s is answered in its own language', (name) => {
    const { message, hint } = refused({ [name]: true })
    expect(message).toBe(`task 'add': unknown setting '${name}'`)
    expect(hint).toMatch(new RegExp(`^${name} is Celery's(; here: .+|, and not a setting here: .+)$`))
  })

  it('is answered with what defineTask takes', () => {
    expect(refused({ acks_late: true }).hint).toBe("acks_late is Celery's; here: acks: 'late', or 'early'")
    expect(refused({ max_retries: 3 }).hint).toBe("max_retries is Celery's; here: retry: { limit: 3 }")
    expect(refused({ soft_time_limit: 3 }).hint).toBe("soft_time_limit is Celery's; here: timeLimit: { soft: '4m' }")
  })

  it('leaves the guess to what is only misspelt', () => {
    expect(refused({ rateLimt: '1/s' }).hint).toBe("Did you mean 'rateLimit'?")
  })

  it('is on the page for those who come from Celery', () => {
    const page = readFileSync(new URL('../../docs/from-celery.md', import.meta.url), 'utf8')
    expect(page).toContain(attributesMarkdown())
  })
})
