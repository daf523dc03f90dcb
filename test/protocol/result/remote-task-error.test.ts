import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { RemoteTaskError } from '../../../src/protocol/result/remote-task-error.ts'

it('is shown with its class, its message and a bounded traceback as text', () => {
  const lines = Array.from({ length: 3_000 }, (_, index) => `  File "a.py", line ${index}`)
  const traceback = ['Traceback (most recent call last):', ...lines, 'ValueError: boom'].join('\n')
  const error = new RemoteTaskError({ type: 'ValueError', module: 'builtins', args: ['boom'], traceback })
  const shown = inspect(new Error('add failed', { cause: error }))
  expect(shown).toMatch(/\[cause\]: ValueError: boom\n +at /)
  expect(shown).toContain('where it was raised:')
  expect(shown).toMatch(/ValueError: boom\n?\s*\}?$/)
  expect(shown).toContain('lines left out')
  expect(shown.split('\n').length).toBeLessThan(80)
  expect(error.traceback).toBe(traceback)
})
