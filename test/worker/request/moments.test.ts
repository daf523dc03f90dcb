import { expect, it } from 'vitest'
import { Moments, type WorkerObserver } from '../../../src/worker/request/moments.ts'
import { aRequest } from '../../support/a-request.ts'

it('tells observers of a moment in the order in which they were added, and with what they are told', () => {
  const heard: string[] = []
  const due = (name: string): WorkerObserver => ({
    due: ({ message }, inTurn) => void heard.push(`${name} ${message.id} ${inTurn}`),
  })
  const moments = new Moments()
  moments.add(due('first'), due('second'))
  moments.add(due('third'))
  moments.due(aRequest({ id: 'a' }), true)
  expect(heard).toEqual(['first a true', 'second a true', 'third a true'])
})

it('tells an observer of the moments that it has methods for, on itself', () => {
  class Heard implements WorkerObserver {
    halts = 0
    halted(): void {
      this.halts += 1
    }
  }
  const heard = new Heard()
  const moments = new Moments()
  moments.add(heard, undefined)
  moments.halted()
  moments.resumed()
  moments.takenBack()
  expect(heard.halts).toBe(1)
})
