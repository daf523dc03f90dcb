import { expect, it } from 'vitest'
import { readUsers } from '../../../src/monitor/auth/read-users.ts'

it('reads a user a line, who may look unless more is said', () => {
  const text = '# who may\nada correct-horse-battery view,retry\n\nbob  battery-horse-correct\n'
  expect(readUsers(text, 'users')).toEqual([
    { name: 'ada', secret: 'correct-horse-battery', rights: ['view', 'retry'] },
    { name: 'bob', secret: 'battery-horse-correct', rights: ['view'] },
  ])
})

it.each([
  ['', /nobody is named/],
  ['ada', /line 1 must be a name, a secret/],
  ['ada secret', /less than 12 characters/],
  ['ada correct-horse-battery admin', /rights other than/],
  ['ada correct-horse-battery view extra', /line 1 must be/],
  ['ada correct-horse-battery\nada battery-horse-correct', /stands there twice/],
])('refuses %j', (text, problem) => {
  expect(() => readUsers(text, 'users')).toThrow(problem)
})

it('shows no secret in what it says', () => {
  expect(() => readUsers('ada hunter2', 'users')).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
  )
})
