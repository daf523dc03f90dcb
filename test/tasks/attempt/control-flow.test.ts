import { describe, expect, it } from 'vitest'
import { controlFlowOf, Ignore, Reject, Retry } from '../../../src/tasks/attempt/control-flow.ts'

describe('a thrown value', () => {
  it.each<[string, unknown, unknown]>([
    ['a retry', new Retry({ countdown: '30s' }), { kind: 'retry', options: { countdown: '30s' } }],
    ['a bare retry', new Retry(), { kind: 'retry', options: {} }],
    ['a reject', new Reject('not mine'), { kind: 'reject', reason: 'not mine', requeue: false }],
    [
      'a reject that requeues',
      new Reject('later', { requeue: true }),
      { kind: 'reject', reason: 'later', requeue: true },
    ],
    ['an ignore', new Ignore(), { kind: 'ignore' }],
    [
      'what another copy of the package throws',
      { [Symbol.for('twq.control-flow')]: 'reject', reason: 'x', requeue: true },
      { kind: 'reject', reason: 'x', requeue: true },
    ],
    ['an error called Retry', Object.assign(new Error(), { name: 'Retry' }), undefined],
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['a text', 'retry', undefined],
  ])('is read: %s', (_, thrown, expected) => {
    expect(controlFlowOf(thrown)).toEqual(expected)
  })

  it('keeps the cause of a retry', () => {
    const cause = new Error('flaky')
    expect(new Retry({ cause }).cause).toBe(cause)
  })
})
