import { describe, expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import type { Json } from '../../src/runtime/json.ts'
import { runAttempt } from '../../src/tasks/attempt/attempt.ts'
import { add, block, process } from '../../tasks/math.ts'
import { anAttempt } from '../support/attempts.ts'

describe('the task add', () => {
  it.each([
    ['positional', { args: [2, 3] }],
    ['named', { kwargs: { x: 2, y: 3 } }],
    ['mixed', { args: [2], kwargs: { y: 3 } }],
  ])('takes %s arguments', async (_, message) => {
    expect(await runAttempt(anAttempt({ task: add, message }))).toMatchObject({ kind: 'succeeded', result: 5 })
  })

  it('fails as a Python function would when an argument is missing', async () => {
    expect(await runAttempt(anAttempt({ task: add, message: { args: [2] } }))).toMatchObject({
      kind: 'failed',
      error: { type: 'TypeError', args: ["add() missing 1 required positional argument: 'y'"] },
    })
  })
})

describe('the task block', () => {
  it('stops at once, unfinished, when the worker has to leave', async () => {
    const leaving = new AbortController()
    const outcome = runAttempt(anAttempt({ task: block, signal: leaving.signal }))
    leaving.abort(new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down'))
    expect(await outcome).toEqual({ kind: 'interrupted' })
  })
})

describe('the task process', () => {
  it('tells how far it is before each step, and returns the total', async () => {
    const states: [string, Json][] = []
    const onState = async (state: string, meta: Json) => void states.push([state, meta])
    const outcome = await runAttempt(anAttempt({ task: process, message: { args: [2] }, onState }))
    expect(states).toEqual([
      ['PROGRESS', { current: 1, total: 2 }],
      ['PROGRESS', { current: 2, total: 2 }],
    ])
    expect(outcome).toMatchObject({ kind: 'succeeded', result: { current: 2, total: 2 } })
  })

  it.each([[-1], [1.5], ['ten'], [null]])('fails without a step when the total is %j', async (total) => {
    const outcome = await runAttempt(anAttempt({ task: process, message: { args: [total] } }))
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { type: 'ValueError', args: [expect.stringMatching(/total/)] },
    })
  })
})
