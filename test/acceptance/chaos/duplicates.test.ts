import { describe, expect, it } from 'vitest'
import { attribute, type Fault, inventDuplicates, type Run, type Strike } from './duplicates.ts'

const killed: Strike = { workers: ['a'], from: 10_000, to: 10_100, unnoticed: false }
const frozen: Strike = { workers: ['a'], from: 10_000, to: 25_000, unnoticed: true }
const none = new Map<string, number[]>()

function aFault(...strikes: Strike[]): Fault {
  return { name: 'the fault', begin: 9_900, strikes }
}

/** A run of `worker` from `at` on, which has ended after 100 ms unless told otherwise. */
function aRun(worker: string, at: number, over: Partial<Run> = {}): Run {
  return { id: 'x', worker, pid: 1, at, endedAt: at + 100, redelivered: false, history: [], ...over }
}

const died = { endedAt: undefined }
const told = { redelivered: true }

function copied(worker: string, at: number): { readonly redelivered: true; readonly history: string[] } {
  return { redelivered: true, history: [`${new Date(at).toISOString()} ${worker}@chaos: came back, and runs again`] }
}

/** The indices of the starts that are left unexplained. */
function unexplained(runs: readonly Run[], faults: readonly Fault[], republished = none): number[] {
  return attribute(runs, faults, republished).unexplained.map((run) => runs.indexOf(run))
}

describe('a second start is explained', () => {
  it.each<[string, Run[], Strike]>([
    ['by an attempt that died', [aRun('a', 9_900, died), aRun('b', 10_200, told)], killed],
    ['by one that was not acknowledged yet', [aRun('a', 9_500), aRun('b', 10_200, told)], killed],
    ['by one of a worker that did not notice', [aRun('a', 19_000), aRun('b', 19_010, told)], frozen],
    ['by a delivery that a worker went on with', [aRun('b', 20_000, told), aRun('a', 25_100)], frozen],
    ['by a copy whose original stayed', [aRun('b', 10_300, copied('a', 9_990)), aRun('c', 10_400, told)], killed],
    ['by a copy made twice', [aRun('b', 10_300, copied('a', 9_990)), aRun('c', 10_400, copied('a', 9_990))], killed],
  ])('%s', (_what, runs, strike) => {
    expect(unexplained(runs, [aFault(strike)])).toEqual([])
    expect(attribute(runs, [aFault(strike)], none).explained).toEqual(
      new Map([['the fault', { returned: 1, sentAgain: 0 }]]),
    )
    expect(unexplained(runs, [])).toEqual([1])
  })

  it('by a message that was published once more, at most once for each time', () => {
    const runs = [aRun('b', 10_000), aRun('b', 14_100), aRun('b', 14_200)]
    expect(unexplained(runs, [aFault(killed)], new Map([['x', [14_000]]]))).toEqual([2])
    expect(unexplained(runs, [aFault(killed)], new Map([['x', [14_150]]]))).toEqual([1])
    const { explained } = attribute(runs, [aFault(killed)], new Map([['x', [14_000]]]))
    expect(explained.get('the fault')).toEqual({ returned: 0, sentAgain: 1 })
  })
})

describe('a second start is not explained', () => {
  it.each<[string, Run[], Strike]>([
    ['by a worker that was not struck', [aRun('b', 9_900, died), aRun('c', 10_200, told)], killed],
    ['by a task that was acknowledged long before', [aRun('a', 5_000), aRun('b', 10_200, told)], killed],
    ['by one that the next worker started later', [aRun('a', 12_000), aRun('b', 12_200, told)], killed],
    ['by a fault that came later', [aRun('a', 9_000), aRun('b', 9_500, told)], killed],
    ['where it was not told', [aRun('a', 9_900, died), aRun('b', 10_200)], killed],
    ['by another process of a pool', [aRun('a', 9_900, died), aRun('b', 10_200, told)], { ...killed, pid: 2 }],
    ['by a delivery of a worker that knew of it', [aRun('b', 10_300, told), aRun('a', 10_400)], killed],
    ['by a copy of another worker', [aRun('b', 10_300, copied('c', 9_990)), aRun('c', 10_400, told)], killed],
    ['by a copy made long before', [aRun('b', 10_300, copied('a', 5_000)), aRun('c', 10_400, told)], killed],
  ])('%s', (_what, runs, strike) => {
    expect(unexplained(runs, [aFault(strike)])).toEqual([1])
  })

  it('by an attempt that explains another already', () => {
    const runs = [aRun('a', 9_900, died), aRun('b', 10_200, told), aRun('c', 10_400, told)]
    expect(unexplained(runs, [aFault(killed)])).toEqual([2])
  })
})

it('finds no fault for second starts that are invented, but for what was in flight', () => {
  const runs = Array.from({ length: 100 }, (_, index) => aRun('a', index * 500, { id: String(index) }))
  expect(inventDuplicates(runs, [], none)).toEqual({ invented: 100, explained: 0 })
  expect(inventDuplicates(runs, [aFault(killed)], none)).toEqual({ invented: 100, explained: 4 })
})
