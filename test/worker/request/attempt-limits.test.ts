import { expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { createRegistry } from '../../../src/tasks/registry.ts'
import { AttemptLimits } from '../../../src/worker/request/attempt-limits.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'

const slow = defineTask({ name: 'slow', timeLimit: { soft: '10s', hard: '20s' }, run: () => 0 })
const message = aTaskMessage({ task: 'slow' })

it('puts limits that were changed before those of the definition, and a message before both', () => {
  const limits = new AttemptLimits(createRegistry([slow]), { soft: undefined, hard: 60_000 })
  expect(limits.of(message)).toEqual({ soft: 10_000, hard: 20_000 })
  expect(limits.change('slow', { soft: 1_000, hard: undefined })).toBe(true)
  expect(limits.of(message)).toEqual({ soft: 1_000, hard: 60_000 })
  expect(limits.of({ ...message, timeLimit: { soft: undefined, hard: 500 } })).toEqual({ soft: undefined, hard: 500 })
})

it('knows only tasks that are registered', () => {
  const limits = new AttemptLimits(createRegistry([slow]), { soft: undefined, hard: undefined })
  expect(limits.change('nobody', { soft: 1, hard: 2 })).toBe(false)
})
