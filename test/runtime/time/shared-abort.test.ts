import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { sharedAbort } from '../../../src/runtime/time/shared-abort.ts'

it('a signal that many wait for tells them all, and has Node warn of no leak', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const controller = sharedAbort()
  const heard: number[] = []
  for (let n = 0; n < 100; n += 1) controller.signal.addEventListener('abort', () => heard.push(n))
  await setImmediate()
  process.off('warning', warned)
  controller.abort()
  expect(warnings).toEqual([])
  expect(heard).toHaveLength(100)
})
