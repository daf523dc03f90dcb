import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TouchOrder } from '../../src/runtime/touch-order.ts'

const key = fc.integer({ min: 0, max: 20 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shift' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
)

describe('entries in the order in which they were last put', () => {
  it('gives the oldest one, whatever was put, taken out and deleted before', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 1_500, size: 'max' }), (steps) => {
        const order = new TouchOrder<number, number>()
        const model = new Map<number, number>()
        for (const [n, { kind, key }] of steps.entries()) {
          if (kind === 'put') {
            order.put(key, n)
            model.delete(key)
            model.set(key, n)
          } else if (kind === 'delete') {
            expect(order.delete(key)).toBe(model.delete(key))
          } else {
            const [oldest] = model
            expect(order.shift()).toEqual(oldest)
            if (oldest !== undefined) model.delete(oldest[0])
          }
        }
        expect([...order.entries]).toEqual([...model])
      }),
      { numRuns: 50 },
    )
  })

  it('is empty once it was cleared, and begins anew', () => {
    const order = new TouchOrder<string, number>()
    for (const name of ['a', 'b', 'c']) order.put(name, 1)
    expect(order.shift()).toEqual(['a', 1])
    order.clear()
    expect(order.shift()).toBe(undefined)
    order.put('d', 1)
    expect([order.shift(), order.shift()]).toEqual([['d', 1], undefined])
  })
})
