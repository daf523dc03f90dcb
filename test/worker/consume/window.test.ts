import { describe, expect, it } from 'vitest'
import { nextAhead, type WindowFacts } from '../../../src/worker/consume/window.ts'

const QUIET: WindowFacts = { base: 10, ahead: 0, rate: 0, largest: 300, stepped: false }

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
    ['grows only by much where a change is dear', { ahead: 100, rate: 7_000, stepped: true }, 100],
    ['doubles where a change is dear', { ahead: 100, rate: 8_400, stepped: true }, 210],
    ['shrinks only by much where a change is dear', { ahead: 100, rate: 1_600, stepped: true }, 100],
    ['closes as well where a change is dear', { ahead: 100, rate: 40, stepped: true }, 0],
    ['shrinks at once for larger messages', { ahead: 100, rate: 4_000, largest: 2 ** 18 }, 64],
  ])('%s', (_title, facts, expected) => {
    expect(nextAhead({ ...QUIET, ...facts })).toBe(expected)
  })
})
