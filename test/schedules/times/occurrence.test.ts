import { describe, expect, it } from 'vitest'
import { jitterOf, occurrenceId } from '../../../src/schedules/times/occurrence.ts'

const DUE = Date.UTC(2030, 0, 1, 3)

describe('the id of an occurrence', () => {
  it('is what uuid.uuid5 of Python makes of namespace, name and due time', () => {
    expect(occurrenceId('default', 'nightly', DUE)).toBe('28962551-47e4-5f4d-874d-31e8b2abf7b2')
  })

  it('differs by namespace, by name and by due time, and not by how they are cut', () => {
    const ids = [
      occurrenceId('default', 'nightly', DUE),
      occurrenceId('other', 'nightly', DUE),
      occurrenceId('default', 'daily', DUE),
      occurrenceId('default', 'nightly', DUE + 1),
      occurrenceId('defaultn', 'ightly', DUE),
    ]
    expect(new Set(ids).size).toBe(5)
  })
})

describe('jitter', () => {
  it('spreads occurrences over its width, each by the same amount wherever it is counted', () => {
    const shifts = Array.from({ length: 1_000 }, (_, index) =>
      jitterOf(occurrenceId('default', 'nightly', DUE + index * 1_000), 2_000),
    )
    expect(Math.min(...shifts)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...shifts)).toBeLessThan(2_000)
    expect(new Set(shifts.map((shift) => Math.floor(shift / 200))).size).toBe(10)
    expect(jitterOf(occurrenceId('default', 'nightly', DUE), 2_000)).toBe(shifts[0])
  })
})
