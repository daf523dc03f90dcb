import { describe, expect, it } from 'vitest'
// Tasks are called through its scope then.
import '../../../src/current.ts'
import { tracebackOf } from '../../../src/protocol/result/traceback.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { Plugin } from '../../../src/tasks/plugin.ts'
import { runTask } from '../../../src/testing/run-task.ts'

async function deeper(): Promise<never> {
  await null
  throw new Error('boom', { cause: new RangeError('why') })
}

describe('a traceback', () => {
  it.each([
    ['throws', { run: () => deeper() }],
    ['calls what awaits', { run: async () => await deeper() }],
  ])("of a task that %s ends with the task's own code", async (_, { run }) => {
    const ended = await runTask(defineTask({ name: 'fails', run }))
    const traceback = ended.kind === 'failed' ? ended.error.traceback : null
    expect(traceback).toMatch(/^Error: boom\n {4}at .*traceback\.test\.ts/)
    expect(traceback).toContain('\nCaused by: RangeError: why\n    at ')
    expect(traceback).not.toMatch(/src\/(tasks|testing|pool)\//)
  })

  it("ends with the task's own code, whatever plugins surround it", async () => {
    const around: Plugin = { name: 'around', aroundAttempt: (_attempt, next) => next() }
    const run = (): never => {
      throw new Error('boom')
    }
    const ended = await runTask(defineTask({ name: 'fails', run }), {}, { plugins: [around] })
    const traceback = ended.kind === 'failed' ? ended.error.traceback : null
    expect(traceback).toMatch(/^Error: boom\n {4}at Object\.run .*traceback\.test\.ts[^\n]*$/)
  })

  it("keeps what twq threw itself, down to the task's code", () => {
    const error = new Error('ours')
    const own = `    at send (${new URL('../../../src/sending/prepare-task.ts', import.meta.url).href}:1:1)`
    error.stack = ['Error: ours', own, '    at run (/app/tasks/a.ts:1:1)', own, '    at node:internal/x:1:1'].join('\n')
    expect(tracebackOf(error)).toBe(['Error: ours', own, '    at run (/app/tasks/a.ts:1:1)'].join('\n'))
    error.stack = ['Error: twice', own, '    at run (/app/tasks/a.ts:1:1)', own].join('\n')
    expect(tracebackOf(error)).toBe(['Error: twice', own, '    at run (/app/tasks/a.ts:1:1)'].join('\n'))
    error.stack = ['Error: ours', own, own].join('\n')
    expect(tracebackOf(error)).toBe(error.stack)
  })
})
