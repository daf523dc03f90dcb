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

const PROBLEMS: readonly (readonly [plugins: unknown, problem: string])[] = [
  [{}, ' must be a list of plugins, got an object'],
  [[null], "[0] must be an object like { name: 'timing', aroundAttempt }, got null"],
  [[{ start() {} }], '[0].name must be a text of 1 to 100 characters, got undefined'],
  [[{ name: 'a', start: 5 }], "[0] ('a').start must be a function, got a number"],
  [[{ name: 'a', aroundAttempts() {} }], "[0] ('a').aroundAttempts is not known; did you mean aroundAttempt?"],
  [[{ name: 'a', on: [] }], "[0] ('a').on must be an object of functions, got a list"],
  [[{ name: 'a', on: { startet() {} } }], "[0] ('a').on.startet is not known; did you mean started?"],
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
]

// By its problem: some of them can't be shown.
it.each(PROBLEMS.map(([plugins, problem]) => [problem, plugins] as const))(
  'finds that plugins%s',
  (problem, plugins) => {
    expect(pluginProblems(plugins)).toEqual([problem])
  },
)
