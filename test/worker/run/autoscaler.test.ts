import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { Autoscaler, nextSize } from '../../../src/worker/run/autoscaler.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const LONG = 30_000

describe('the next size of a pool from 2 to 10', () => {
  it.each([
    ['stays at least when there is nothing to do', 2, 0, LONG, 2],
    ['grows at once to what there is to do', 2, 5, 0, 5],
    ['grows no further than its maximum', 2, 500, 0, 10],
    ['stays while all slots are needed', 5, 5, LONG, 5],
    ['stays while slots have been spare for less than 30 s', 5, 0, LONG - 1, 5],
    ['gives up one slot then', 5, 0, LONG, 4],
    ['gives up none that is needed', 5, 4, LONG, 4],
    ['comes down to a lowered maximum at once', 12, 11, 0, 10],
    ['comes down to it also with nothing to do', 12, 0, 0, 10],
    ['comes up to a raised minimum', 1, 0, 0, 2],
  ])('%s', (_title, size, demand, spareFor, expected) => {
    expect(nextSize({ size, demand, spareFor, max: 10, min: 2 })).toBe(expected)
  })

  it('is never less than one', () => {
    expect(nextSize({ size: 1, demand: 0, spareFor: LONG, max: 10, min: 0 })).toBe(1)
  })
})

/** Ten slots at most, at first as many as `min`. */
function aScene({ min = 1 } = {}) {
  const clock = new ManualClock()
  const dispatcher = { running: 0, waiting: 0 }
  const widened: number[] = []
  const poolSize = {
    size: min,
    largest: 256,
    resize(size: number) {
      poolSize.size = size
    },
    widen: (change: number) => void widened.push(change),
  }
  const autoscaler = new Autoscaler({ bounds: { max: 10, min }, dispatcher, poolSize, clock, logger: silentLogger })
  autoscaler.start()
  return { clock, dispatcher, poolSize, widened, autoscaler }
}

describe('an autoscaler', () => {
  it('grows as soon as a task waits, and shrinks a slot a second once they were spare for 30 s', () => {
    const { clock, dispatcher, poolSize, autoscaler } = aScene()
    Object.assign(dispatcher, { running: 1, waiting: 3 })
    autoscaler.look()
    expect(poolSize.size).toBe(4)
    Object.assign(dispatcher, { running: 4, waiting: 0 })
    clock.advance(60_000)
    expect(poolSize.size).toBe(4)
    dispatcher.running = 1
    clock.advance(29_000)
    expect(poolSize.size).toBe(4)
    clock.advance(1_000)
    expect(poolSize.size).toBe(3)
    clock.advance(1_000)
    expect(poolSize.size).toBe(2)
    clock.advance(60_000)
    expect(poolSize.size).toBe(1)
  })

  it('begins to count anew when all slots were needed in between', () => {
    const { clock, dispatcher, poolSize, autoscaler } = aScene()
    dispatcher.waiting = 2
    autoscaler.look()
    dispatcher.waiting = 0
    clock.advance(20_000)
    dispatcher.running = 2
    clock.advance(1_000)
    dispatcher.running = 0
    clock.advance(29_000)
    expect(poolSize.size).toBe(2)
  })

  it('takes new bounds, each for itself, and takes as much more ahead', () => {
    const { poolSize, widened, autoscaler } = aScene()
    expect(autoscaler.update(5, undefined)).toEqual({ max: 5, min: 1 })
    expect(autoscaler.update(undefined, 3)).toEqual({ max: 5, min: 3 })
    expect(poolSize.size).toBe(3)
    expect(autoscaler.update(2, 0)).toEqual({ max: 2, min: 0 })
    expect(autoscaler.info()).toEqual({ max: 2, min: 0, current: 2, qty: 0 })
    expect(widened.reduce((sum, change) => sum + change)).toBe(-8)
  })

  it.each([
    [0, 0, "ValueError('max must be from 1 to 256, not 0')"],
    [257, 1, "ValueError('max must be from 1 to 256, not 257')"],
    [3, 4, "ValueError('min must not be larger than max: 4 > 3')"],
    [undefined, 11, "ValueError('min must not be larger than max: 11 > 10')"],
  ])('refuses the bounds %s and %s, and keeps its own', (max, min, complaint) => {
    const { autoscaler, widened } = aScene()
    expect(() => autoscaler.update(max, min)).toThrow(complaint)
    expect(autoscaler.info()).toMatchObject({ max: 10, min: 1 })
    expect(widened).toEqual([])
  })

  it('does nothing any more when it was stopped', () => {
    const { clock, dispatcher, poolSize, autoscaler } = aScene()
    autoscaler.stopping()
    dispatcher.waiting = 5
    autoscaler.look()
    clock.advance(5_000)
    expect(poolSize.size).toBe(1)
  })
})
