import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { nextRetry, type RetryPolicy, requestedRetry } from '../../src/tasks/retry-policy.ts'

class NetworkError extends Error {}
class TimeoutError extends NetworkError {}
/** No subclass of Error, and recognized by its class all the same. */
class Refusal {
  readonly name = 'Refusal'
  readonly message = 'refused'
}
const zodError = z.string().safeParse(1).error

const now = 1_000_000
const decide = (policy: RetryPolicy | undefined, retries: number, error: unknown = new Error('x'), random = 0.5) =>
  nextRetry(policy, { retries, error, now, random: () => random })
const steady = { jitter: false }

describe('the delay before a retry', () => {
  it.each<[NonNullable<RetryPolicy['delay']>, number, number]>([
    [{ ...steady }, 0, 1_000],
    [{ ...steady }, 1, 2_000],
    [{ ...steady }, 2, 4_000],
    [{ ...steady, base: 500, factor: 3 }, 2, 4_500],
    [{ ...steady, base: '10s', factor: 1 }, 2, 10_000],
    [{ ...steady, base: '1m', max: '90s' }, 2, 90_000],
    [{ ...steady, base: 0 }, 2_000, 0],
    [{ ...steady, base: 1 }, 2_000, 600_000],
    [{ base: 1_000 }, 1, 1_000],
  ])('by %j after %i retries is %i ms', (delay, retries, expected) => {
    expect(decide({ limit: null, delay }, retries)).toEqual({ kind: 'retry', at: now + expected })
  })

  it('spreads from nothing to the whole of it', () => {
    expect(decide({}, 1, undefined, 0)).toEqual({ kind: 'retry', at: now })
    expect(decide({}, 1, undefined, 0.999_999)).toEqual({ kind: 'retry', at: now + 2_000 })
  })
})

describe('the limit', () => {
  it.each<[RetryPolicy, number, string]>([
    [{}, 2, 'retry'],
    [{}, 3, 'give-up'],
    [{ limit: 1 }, 0, 'retry'],
    [{ limit: 1 }, 1, 'give-up'],
    [{ limit: 0 }, 0, 'give-up'],
    [{ limit: null }, 1_000_000, 'retry'],
  ])('of %j after %i retries says %s', (policy, retries, kind) => {
    expect(decide(policy, retries).kind).toBe(kind)
  })
})

describe('the choice of errors', () => {
  it.each<[string, RetryPolicy | undefined, unknown, string]>([
    ['no policy', undefined, new Error(), 'not-covered'],
    ['a policy without a choice', {}, 'text thrown', 'retry'],
    ['a class', { on: NetworkError }, new NetworkError(), 'retry'],
    ["a class and its subclass's error", { on: [NetworkError] }, new TimeoutError(), 'retry'],
    ['a class and another error', { on: [NetworkError] }, new Error(), 'not-covered'],
    ['the class Error', { on: Error }, new NetworkError(), 'retry'],
    ['a name', { on: 'OSError' }, Object.assign(new Error(), { name: 'OSError' }), 'retry'],
    ["a class's name", { on: 'NetworkError' }, new NetworkError(), 'retry'],
    ['a name and something without one', { on: 'OSError' }, undefined, 'not-covered'],
    ['a predicate', { on: (error) => (error as { code?: string }).code === 'EAGAIN' }, { code: 'EAGAIN' }, 'retry'],
    ['an exception from the choice', { on: NetworkError, never: TimeoutError }, new TimeoutError(), 'not-covered'],
    ['a class that answers instanceof itself, and its error', { on: z.ZodError }, zodError, 'retry'],
    ['a class that answers instanceof itself, and another error', { never: z.ZodError }, new Error(), 'retry'],
    ['such a class as an exception', { never: [z.ZodError] }, zodError, 'not-covered'],
    ['a class that is no Error, and its error', { on: Refusal }, new Refusal(), 'retry'],
    ['a class that is no Error, and another error', { on: [Refusal, NetworkError] }, new NetworkError(), 'retry'],
    ['only exceptions', { never: 'NetworkError' }, new Error(), 'retry'],
  ])('with %s', (_, policy, error, kind) => {
    expect(decide(policy, 0, error).kind).toBe(kind)
  })
})

describe('a retry that the task asks for', () => {
  const ask = (policy: RetryPolicy | undefined, retries: number, delay?: number) =>
    requestedRetry(policy, { retries, at: delay === undefined ? undefined : now + delay, now, random: () => 0.5 })

  it('needs no policy, and keeps the delay it asks for', () => {
    expect(ask(undefined, 0, 5_000)).toEqual({ kind: 'retry', at: now + 5_000 })
    expect(ask(undefined, 0)).toEqual({ kind: 'retry', at: now + 500 })
  })

  it('counts towards the limit', () => {
    expect(ask(undefined, 3, 5_000)).toEqual({ kind: 'give-up' })
    expect(ask({ limit: null }, 3, 5_000).kind).toBe('retry')
  })

  it('does not ask which errors the policy covers', () => {
    expect(ask({ on: NetworkError }, 0).kind).toBe('retry')
  })
})
