import { expect, it } from 'vitest'
import { pluginProblems } from '../../src/tasks/plugin-problems.ts'

it.each([
  [[]],
  [[{ name: 'all', start() {}, async aroundAttempt() {}, async aroundSend() {}, on: { started() {} } }]],
  [
    [
      new (class {
        name = 'of a class'
        #own = 1
        start() {
          return this.#own
        }
      })(),
    ],
  ],
])('finds nothing wrong with plugins', (plugins) => {
  expect(pluginProblems(plugins)).toEqual([])
})

it.each([
  [{}, ' must be a list of plugins, got an object'],
  [[null], "[0] must be an object like { name: 'timing', aroundAttempt }, got null"],
  [[{ start() {} }], '[0].name must be a text of 1 to 100 characters, got undefined'],
  [[{ name: 'a', start: 5 }], "[0] ('a').start must be a function, got a number"],
  [[{ name: 'a', aroundAttempts() {} }], "[0] ('a').aroundAttempts is not known; did you mean aroundAttempt?"],
  [[{ name: 'a', on: [] }], "[0] ('a').on must be an object of functions, got a list"],
  [[{ name: 'a', on: { start() {} } }], "[0] ('a').on.start is not known; did you mean started?"],
  [[{ name: 'a', on: { failed: 'no' } }], '[0] (\'a\').on.failed must be a function, got "no"'],
  [[{ name: 'a' }, { name: 'a' }], "[1] ('a'): there are two plugins of this name"],
  [
    [
      new Proxy(
        {},
        {
          get() {
            throw new Error('hostile')
          },
        },
      ),
    ],
    "[0] can't be looked at",
  ],
])('says what is wrong with %o', (plugins, problem) => {
  expect(pluginProblems(plugins)).toEqual([problem])
})
