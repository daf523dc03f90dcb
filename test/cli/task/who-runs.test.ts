import { describe, expect, it } from 'vitest'
import { ignoredResults, type RegisteredTasks, unknownTask } from '../../../src/cli/task/who-runs.ts'

const registered: RegisteredTasks = new Map([
  [
    'a@h',
    new Map([
      ['add', false],
      ['celery.chord', false],
    ]),
  ],
  ['b@h', new Map([['add', true]])],
])

describe('what is said of a task that workers were asked about', () => {
  it('is nothing where one has it, or none has answered', () => {
    expect(unknownTask('add', registered)).toBeUndefined()
    expect(unknownTask('add', new Map())).toBeUndefined()
    expect(ignoredResults('celery.chord', registered)).toBeUndefined()
  })

  it('is the name that may have been meant, or those that there are', () => {
    expect(unknownTask('ad', registered)).toBe('no worker that answers has a task ad; did you mean add?')
    expect(unknownTask('render', registered)).toBe(
      'no worker that answers has a task render; they have add: twq inspect registered',
    )
  })

  it('lists ten names at most', () => {
    const many: RegisteredTasks = new Map([['a@h', new Map(Array.from({ length: 25 }, (_, at) => [`t${at}`, false]))]])
    expect(unknownTask('render', many)).toMatch(/they have t0, .*, and 15 more: twq inspect registered$/)
  })

  it('is who ignores its results', () => {
    expect(ignoredResults('add', registered)).toBe(
      'add ignores its results (ignore_result) on b@h: perhaps none will come',
    )
  })
})
