import { describe, expect, it } from 'vitest'
import { currentTask } from '../../../src/current.ts'
import { runAttempt } from '../../../src/tasks/attempt/attempt.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { runTask } from '../../../src/testing/run-task.ts'
import { anAttempt } from '../../support/attempts.ts'

const named = (name: string, code: () => unknown) => defineTask({ name, run: () => code() })

describe('the current task', () => {
  it('is the one whose code runs, within what it calls and awaits', async () => {
    const outer = defineTask({
      name: 'outer',
      async run(_args: object, ctx) {
        const before = currentTask() === ctx
        const inner = await runTask(
          named('inner', () => currentTask()?.id),
          {},
          { id: 'inside' },
        )
        return [before, inner.kind === 'succeeded' && inner.result, currentTask()?.id]
      },
    })
    expect(await runTask(outer, {}, { id: 'outside' })).toMatchObject({ result: [true, 'inside', 'outside'] })
  })

  it('is none outside of a task', async () => {
    await runTask(named('any', () => null))
    expect(currentTask()).toBeUndefined()
  })
})

describe('the idempotency key', () => {
  const key = defineTask({ name: 'key', run: (_args: object, ctx) => ctx.idempotencyKey })
  const keyOf = async (message: {
    readonly id: string
    readonly retries?: number
    readonly replacedTaskNesting?: number
  }) => await runAttempt(anAttempt({ task: key, message, redelivered: message.retries !== undefined }))

  it('is the id, in each attempt', async () => {
    expect(await keyOf({ id: 'a' })).toMatchObject({ result: 'a' })
    expect(await keyOf({ id: 'a', retries: 3 })).toMatchObject({ result: 'a' })
  })

  it('is another one for what runs in place of the task, with its id', async () => {
    expect(await keyOf({ id: 'a', replacedTaskNesting: 1 })).toMatchObject({ result: 'a.1' })
    expect(await keyOf({ id: 'a', replacedTaskNesting: 2, retries: 1 })).toMatchObject({ result: 'a.2' })
  })
})
