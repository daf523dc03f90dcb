import { expect, it } from 'vitest'
import { callFromPython } from './calls-from-python.ts'
import { openScene } from './open-scene.ts'

it('gives Python the values, the exceptions and the states of the tasks that it calls', async () => {
  await using scene = await openScene()
  const { welcome, failure, surplus, states } = await callFromPython(scene, { steps: 2 })
  expect(welcome).toMatchObject({ value: { to: 'ada@example.com' } })
  expect(failure).toEqual({ raised: 'ValueError', module: 'builtins', args: ['no such user'] })
  expect(surplus).toMatchObject({ raised: 'TypeError', module: 'builtins' })
  expect(states).toEqual([
    ['PROGRESS', { current: 1, total: 2 }],
    ['PROGRESS', { current: 2, total: 2 }],
    ['SUCCESS', { current: 2, total: 2 }],
  ])
})
