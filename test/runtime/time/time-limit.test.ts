import { describe, expect, it } from 'vitest'
import { timeLimit, unlessAborted } from '../../../src/runtime/time/time-limit.ts'

describe('a time limit', () => {
  it('aborts on time with its reason', async () => {
    using limit = timeLimit({ ms: 1, reason: () => new Error('too late') })
    await expect(unlessAborted(new Promise(() => {}), limit.signal)).rejects.toThrow('too late')
  })

  it("aborts with another signal's reason when that comes first", () => {
    const controller = new AbortController()
    using limit = timeLimit({ ms: 60_000, reason: () => new Error('too late'), signal: controller.signal })
    controller.abort(new Error('not wanted any more'))
    expect(limit.signal.reason).toEqual(new Error('not wanted any more'))
    using late = timeLimit({ reason: () => undefined, signal: controller.signal })
    expect(late.signal.aborted).toBe(true)
  })

  it('does nothing once it is disposed of', () => {
    const controller = new AbortController()
    const limit = timeLimit({ reason: () => undefined, signal: controller.signal })
    limit[Symbol.dispose]()
    controller.abort()
    expect(limit.signal.aborted).toBe(false)
  })
})

describe('waiting unless aborted', () => {
  it('gives what the promise gives', async () => {
    const { signal } = new AbortController()
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  it('hears the promise out, so that a late rejection is heard by somebody', async () => {
    const late = Promise.reject(new Error('late'))
    await expect(unlessAborted(late, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  })
})
