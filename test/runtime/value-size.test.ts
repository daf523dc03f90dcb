import { describe, expect, it } from 'vitest'
import { sizeOfValue } from '../../src/runtime/value-size.ts'

describe('the size of a value', () => {
  it('is about that of its JSON', () => {
    for (const value of ['text', [1, 2, 3], { a: { b: 'c' } }, [{ id: 1, name: 'x'.repeat(100) }]]) {
      const { length } = JSON.stringify(value)
      expect(sizeOfValue(value)).toBeGreaterThanOrEqual(length)
      expect(sizeOfValue(value)).toBeLessThan(length * 6)
    }
    expect(sizeOfValue([new Uint8Array(1_000)])).toBeGreaterThanOrEqual(1_000)
  })

  it('is not counted beyond what matters', () => {
    const cycle: unknown[] = [1]
    cycle.push(cycle)
    const endless = new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 - 1 : 0) })
    for (const value of [cycle, endless]) {
      expect(sizeOfValue(value, 10_000)).toBeGreaterThan(10_000)
      expect(sizeOfValue(value, 10_000)).toBeLessThan(11_000)
    }
  })

  it('is found without an error', () => {
    const value = {
      get thrown() {
        throw new Error('no')
      },
    }
    expect(sizeOfValue(['text', value])).toBeGreaterThan(4)
  })
})
