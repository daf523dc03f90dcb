import { describe, expect, it } from 'vitest'
import { failureOptions, keepsFailuresOf } from '../../src/config/options/failures.ts'

const { parser } = failureOptions.failures

describe('failures', () => {
  it('has defaults for what is left out', () => {
    expect(parser.fromValue({ keep: 5, drop: ['a.*'] })).toEqual({
      keep: 5,
      bytes: 256 * 1024 * 1024,
      for: 7 * 86_400_000,
      drop: ['a.*'],
    })
  })

  it.each(['drop', { keep: 5, bytes: 1000, for: '1h' }])('is typed as it is written: %j', (value) => {
    const typed = typeof value === 'string' ? value : JSON.stringify(value)
    expect(parser.fromText(typed)).toEqual(parser.fromValue(value))
  })

  it.each([
    ['keep'],
    [null],
    [{ keep: 0 }],
    [{ for: '60d' }],
    [{ bytes: 'much' }],
    [{ drop: 'a' }],
    [{ drops: [] }],
    [[]],
  ])('refuses %j', (value) => {
    expect(parser.fromValue(value)).toBeUndefined()
  })
})

it('keeps none of the tasks that are dropped by name or pattern', () => {
  const failures = { keep: 1, bytes: 1, for: 1, drop: ['mail.*', 'one'] }
  const kept = ['mail.send', 'one', 'two'].filter((task) => keepsFailuresOf(task, failures))
  expect(kept).toEqual(['two'])
  expect(keepsFailuresOf('two', 'drop')).toBe(false)
})
