import { describe, expect, it } from 'vitest'
import { matchesTopic, wordsOf } from '../../../src/broker/memory/topic-pattern.ts'

const matches = (pattern: string, key: string): boolean => matchesTopic(wordsOf(pattern), wordsOf(key))

describe('a topic pattern', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a.b.c', false],
    ['a.b', 'a', false],
    ['*', 'a', true],
    ['*', '', false],
    ['*', 'a.b', false],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a..c', true],
    ['a.*.c', 'a.c', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['a.#', 'b.a', false],
    ['#.c', 'c', true],
    ['#.c', 'a.b.c', true],
    ['#.c', 'a.c.b', false],
    ['a.#.c', 'a.c', true],
    ['a.#.c', 'a.b.b.c', true],
    ['#.b.#', 'a.b', true],
    ['#.b.#', 'a.c', false],
    ['#.*', '', false],
    ['#.*.#', 'a', true],
    ['', '', true],
    ['', 'a', false],
    ['worker.#', 'worker.heartbeat', true],
  ])('%j, asked for %j, says %j', (pattern, key, fits) => {
    expect(matches(pattern, key)).toBe(fits)
  })

  it('with many # is no harder', () => {
    const pattern = `${'#.'.repeat(100)}x`
    expect(matches(pattern, 'a.'.repeat(120))).toBe(false)
    expect(matches(pattern, `${'a.'.repeat(120)}x`)).toBe(true)
  })
})
