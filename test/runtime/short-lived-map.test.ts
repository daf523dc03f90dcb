import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShortLivedMap } from '../../src/runtime/short-lived-map.ts'

interface Value {
  readonly n: number
}

const key = fc.integer({ min: 0, max: 5 })
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key }),
  fc.record({ kind: fc.constant('take' as const), key }),
  fc.record({ kind: fc.constant('clear' as const), key }),
)

describe('a map of short-lived values', () => {
  it('does what a Map does, in the same order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new ShortLivedMap<number, Value>()
        const model = new Map<number, Value>()
        for (const [n, { kind, key }] of steps.entries()) {
          if (kind === 'set') {
            map.set(key, { n })
            model.set(key, { n })
          } else if (kind === 'take') {
            expect(map.take(key)).toEqual(model.get(key))
            model.delete(key)
          } else {
            map.clear()
            model.clear()
          }
          expect(map.size).toBe(model.size)
          expect(map.values()).toEqual([...model.values()])
          expect([...map.keys()]).toEqual([...model.keys()])
          expect(map.get(key)).toEqual(model.get(key))
          expect(map.has(key)).toBe(model.has(key))
        }
      }),
    )
  })

  it('keeps what stays, in its order, while thousands come and go', () => {
    const map = new ShortLivedMap<number, Value>()
    for (const n of [0, 1, 2]) map.set(n, { n })
    for (let n = 3; n < 20_000; n++) {
      map.set(n, { n })
      if (n >= 10) map.take(n - 7)
    }
    expect(map.values().map(({ n }) => n)).toEqual([0, 1, 2, 19_993, 19_994, 19_995, 19_996, 19_997, 19_998, 19_999])
  })

  it('can be changed by what goes through its keys', () => {
    const map = new ShortLivedMap<number, Value>()
    for (let n = 0; n < 10; n++) map.set(n, { n })
    const taken: (number | undefined)[] = []
    for (const n of map.keys()) {
      taken.push(map.take(n)?.n)
      if (n < 10) for (let more = 0; more < 1_000; more++) map.set(1_000 * (n + 1) + more, { n: more })
    }
    expect(taken.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
