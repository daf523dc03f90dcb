import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { onAbort } from '../../../src/runtime/time/on-abort.ts'

it('any number waits for one signal with one listener', () => {
  const controller = new AbortController()
  const heard: number[] = []
  const stops = Array.from({ length: 50 }, (_, i) => onAbort(controller.signal, () => heard.push(i)))
  expect(getEventListeners(controller.signal, 'abort').length).toBe(1)
  for (const stop of stops.slice(2)) stop()
  controller.abort()
  expect(heard).toEqual([0, 1])
})

it('one that comes too late is told at once', () => {
  let heard = 0
  onAbort(AbortSignal.abort(), () => heard++)
  expect(heard).toBe(1)
})

it('the same function may wait twice, and stop once', () => {
  const controller = new AbortController()
  let heard = 0
  const listener = () => heard++
  const stop = onAbort(controller.signal, listener)
  onAbort(controller.signal, listener)
  stop()
  controller.abort()
  expect(heard).toBe(1)
})

it('one that an earlier listener has stopped is not told', () => {
  const controller = new AbortController()
  let heard = 0
  onAbort(controller.signal, () => stop())
  const stop = onAbort(controller.signal, () => heard++)
  controller.abort()
  expect(heard).toBe(0)
})
