import { expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { createRegistry } from '../../src/tasks/registry.ts'

const add = defineTask({ name: 'add', run: () => 1 })
const block = defineTask({ name: 'block', run: () => 2 })

it('finds tasks by name and lists them in alphabetical order', () => {
  const registry = createRegistry([block, { task: add, module: 'tasks/a.ts' }])
  expect(registry.get('add')).toBe(add)
  expect(registry.get('sub')).toBeUndefined()
  expect(registry.get('toString')).toBeUndefined()
  expect(registry.names()).toEqual(['add', 'block'])
  expect(registry.entries()).toEqual([{ task: add, module: 'tasks/a.ts' }, { task: block }])
})

it('takes the same task found twice for one', () => {
  const found = [
    { task: add, module: 'a.ts' },
    { task: add, module: 'index.ts' },
  ]
  expect(createRegistry(found).entries()).toEqual([found[0]])
})

it('refuses two tasks of one name, naming both modules', () => {
  const other = defineTask({ name: 'add', run: () => 3 })
  const register = (first?: string, second?: string) => () =>
    createRegistry([
      { task: add, module: first },
      { task: other, module: second },
    ])
  expect(register('a.ts', 'b.ts')).toThrow('two tasks are named "add": in a.ts and in b.ts')
  expect(register('a.ts', 'a.ts')).toThrow('two tasks are named "add": twice in a.ts')
  expect(register('a.ts', undefined)).toThrow(expect.toSatisfy((error) => TwqError.is(error, 'TWQ_TASKS')))
})
