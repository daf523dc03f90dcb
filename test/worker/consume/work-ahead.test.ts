import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { WorkAhead } from '../../../src/worker/consume/work-ahead.ts'
import { Prefetch } from '../../../src/worker/request/prefetch.ts'
import { aRequest } from '../../support/a-request.ts'

/** A worker that holds ten messages, as far as its window sees it. */
function aScene({ enabled = true, stepped = false, limited = (): boolean => false } = {}) {
  const clock = new ManualClock()
  const prefetch = new Prefetch(10)
  prefetch.attach(async () => {}, { stepped })
  const workAhead = new WorkAhead({ enabled, prefetch, limited, clock })
  /** Settles `count` tasks, evenly within so many milliseconds. */
  const settle = (count: number, milliseconds: number): void => {
    for (let n = 0; n < count; n += 1) {
      clock.advance(milliseconds / count)
      workAhead.settled()
    }
  }
  return { clock, prefetch, workAhead, settle }
}

const ORDINARY = { singleActive: false }

describe('a worker that is left to choose its prefetch count', () => {
  it('takes work ahead while tasks are quick', () => {
    const { prefetch, settle } = aScene()
    settle(31, 10)
    expect(prefetch.count).toBe(10)
    settle(320, 80)
    expect(prefetch.count).toBeGreaterThan(90)
    expect(prefetch.count).toBeLessThan(130)
  })

  it('takes none ahead once tasks are slow', () => {
    const { prefetch, settle } = aScene()
    settle(320, 80)
    settle(10, 1_000)
    expect(prefetch.count).toBe(10)
  })

  it('takes none ahead once no task ends', () => {
    const { clock, prefetch, settle } = aScene()
    settle(320, 80)
    clock.advance(300)
    expect(prefetch.count).toBe(10)
  })

  it('takes work ahead where each consumer has a limit of its own, too', () => {
    const { prefetch, settle } = aScene({ stepped: true })
    settle(320, 80)
    expect(prefetch.ahead).toBeGreaterThan(80)
  })

  it('takes less ahead as soon as a large message comes', () => {
    const { prefetch, workAhead, settle } = aScene()
    settle(320, 80)
    workAhead.received(aRequest({}, { body: Buffer.alloc(2 ** 20) }))
    expect(prefetch.ahead).toBe(16)
  })

  it('begins with its slots again after the broker took back what it had', () => {
    const { prefetch, workAhead, settle } = aScene()
    settle(320, 80)
    workAhead.takenBack()
    expect(prefetch.count).toBe(10)
  })

  it('takes none ahead of a queue with a single active consumer', () => {
    const { prefetch, workAhead, settle } = aScene()
    workAhead.declared({ name: 'ordered' }, { singleActive: true })
    workAhead.declared({ name: 'other' }, ORDINARY)
    settle(320, 80)
    expect(prefetch.count).toBe(10)
  })

  it('takes none ahead while tasks have rate limits', () => {
    let limited = false
    const { prefetch, settle } = aScene({ limited: () => limited })
    settle(320, 80)
    limited = true
    settle(320, 80)
    expect(prefetch.count).toBe(10)
  })

  it('looks no more once it leaves', () => {
    const { clock, prefetch, workAhead, settle } = aScene()
    settle(320, 80)
    workAhead.stopping()
    const { count } = prefetch
    settle(10_000, 10)
    clock.advance(10_000)
    expect(prefetch.count).toBe(count)
  })
})

it('a worker with a prefetch count of its own keeps to it', () => {
  const { prefetch, settle } = aScene({ enabled: false })
  settle(3_200, 80)
  expect(prefetch.count).toBe(10)
})
