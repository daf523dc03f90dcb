import { describe, expect, it } from 'vitest'
import { nextAhead, type WindowFacts } from '../../../src/worker/consume/window.ts'

const QUIET: WindowFacts = { base: 10, ahead: 0, consumers: 1, rate: 0, largest: 300, stepped: false }

describe('the work-ahead window of a worker that holds 10 messages', () => {
  it.each<[string, Partial<WindowFacts>, number]>([
    ['is as much as is done in 25 ms', { rate: 4_000 }, 100],
    ['is not there for tasks of 100 ms', { rate: 100 }, 0],
    ['leaves a thousand in hand at most', { rate: 100_000 }, 990],
    ['is not there beside more than that', { base: 2_000, rate: 100_000 }, 0],
    ['takes no more than 16 MiB ahead', { rate: 4_000, largest: 2 ** 20 }, 16],
    ['is not there for messages that are as large alone', { rate: 4_000, largest: 2 ** 24 }, 0],
    ['stays while the rate hardly changes', { ahead: 100, rate: 4_400 }, 100],
    ['follows a rate that grows', { ahead: 100, rate: 8_000 }, 200],
    ['follows a rate that falls', { ahead: 100, rate: 1_600 }, 40],
    ['closes when tasks are slow', { ahead: 100, rate: 40 }, 0],
    ['shrinks at once for larger messages', { ahead: 100, rate: 4_000, largest: 2 ** 18 }, 64],
  ])('%s', (_title, facts, expected) => {
    expect(nextAhead({ ...QUIET, ...facts })).toBe(expected)
  })

  it.each<[string, Partial<WindowFacts>, number]>([
    ['opens where that doubles what is in hand', { rate: 400 }, 10],
    ['stays closed below', { rate: 360 }, 0],
    ['stays where less than the double is wanted', { ahead: 100, rate: 8_000 }, 100],
    ['grows to the double', { ahead: 100, rate: 8_400 }, 210],
    ['stays where more than a quarter is wanted', { ahead: 100, rate: 1_040 }, 100],
    ['shrinks to a quarter', { ahead: 100, rate: 1_000 }, 25],
    ['closes when tasks are slow', { ahead: 100, rate: 40 }, 0],
    ['is shared by its consumers', { consumers: 4, rate: 4_000 }, 25],
    ['leaves them a thousand in hand at most', { consumers: 4, rate: 100_000 }, 240],
    ['takes no more than 16 MiB ahead for them', { consumers: 4, rate: 4_000, largest: 2 ** 18 }, 16],
    ['shrinks at once for larger messages', { ahead: 100, rate: 4_000, largest: 2 ** 18 }, 64],
  ])('where each change has it consume anew, %s', (_title, facts, expected) => {
    expect(nextAhead({ ...QUIET, ...facts, stepped: true })).toBe(expected)
  })

  it('is at its largest after few steps, whatever the rates before, where each change has it consume anew', () => {
    let steps = 0
    let ahead = 0
    for (let rate = 0; rate <= 100_000; rate += 10) {
      const next = nextAhead({ ...QUIET, ahead, rate, stepped: true })
      if (next !== ahead) steps += 1
      ahead = next
    }
    expect(ahead).toBeGreaterThan(500)
    expect(steps).toBeLessThanOrEqual(6)
  })
})
