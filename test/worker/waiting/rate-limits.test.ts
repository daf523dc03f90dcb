import { describe, expect, it } from 'vitest'
import { Prefetch } from '../../../src/worker/request/prefetch.ts'
import { RateLimits } from '../../../src/worker/waiting/rate-limits.ts'
import { aRequest } from '../../support/a-request.ts'
import { ManualClock } from '../../support/manual-clock.ts'

function theLimits(rates: Readonly<Record<string, number>>) {
  const clock = new ManualClock()
  const started: string[] = []
  const prefetch = new Prefetch(1)
  const limits = new RateLimits({
    clock,
    rateOf: (task) => rates[task],
    moments: { due: ({ message }) => started.push(message.id) },
    prefetch,
  })
  const admit = (task: string, ...ids: string[]): void => {
    for (const id of ids) if (limits.admit(aRequest({ task, id }))) started.push(id)
  }
  return { clock, limits, started, admit, held: () => prefetch.count - 1 }
}

describe('rate limits', () => {
  it('let tasks of one name start one by one, in the order they came', () => {
    const { clock, started, admit, held } = theLimits({ slow: 2 })
    admit('slow', 'a', 'b', 'c')
    expect(started).toEqual(['a'])
    expect(held()).toBe(2)
    clock.advance(500)
    expect(started).toEqual(['a', 'b'])
    admit('slow', 'd')
    clock.advance(1_000)
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    expect(held()).toBe(0)
  })

  it('are nothing to other tasks', () => {
    const { started, admit, held } = theLimits({ slow: 1, none: 0 })
    admit('slow', 'a', 'b')
    admit('none', 'n1', 'n2')
    admit('free', 'f1', 'f2')
    expect(started).toEqual(['a', 'n1', 'n2', 'f1', 'f2'])
    expect(held()).toBe(1)
  })

  it('can be changed while tasks wait', () => {
    const { clock, limits, started, admit } = theLimits({ slow: 1 / 3_600 })
    admit('slow', 'a', 'b', 'c')
    limits.change('slow', 1)
    expect(started).toEqual(['a', 'b'])
    clock.advance(1_000)
    expect(started).toEqual(['a', 'b', 'c'])
  })

  it('can be lifted, and set where there was none', () => {
    const { limits, started, admit, held } = theLimits({ slow: 1 / 3_600 })
    admit('slow', 'a', 'b', 'c')
    limits.change('slow', 0)
    admit('slow', 'd')
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    limits.change('free', 1)
    admit('free', 'f1', 'f2')
    expect(started).toEqual(['a', 'b', 'c', 'd', 'f1'])
    expect(held()).toBe(1)
  })

  it('give up the requests that are taken out', () => {
    const { clock, limits, started, admit, held } = theLimits({ slow: 1 })
    admit('slow', 'a', 'b', 'c', 'd')
    expect(limits.remove(({ message }) => message.id !== 'c').map(({ message }) => message.id)).toEqual(['b', 'd'])
    expect(held()).toBe(1)
    clock.advance(10_000)
    expect(started).toEqual(['a', 'c'])
    expect(limits.requests()).toEqual([])
  })
})
