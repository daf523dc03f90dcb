import { expect, it } from 'vitest'
import { fitConsumers } from '../../../src/broker/channels/fit-consumers.ts'

const limits = (...values: number[]) => values.map((limit) => ({ limit }))

it.each<[what: string, consumers: number[], limit: number, missing: number, leave: number[]]>([
  ['starts the first', [], 10, 10, []],
  ['leaves alone what allows as many', [10], 10, 0, []],
  ['adds what is missing', [10, 12], 50, 28, []],
  ['has the largest leave that is not needed', [10, 12, 22, 44], 24, 0, [44, 12]],
  ['has none leave that is needed', [10, 44], 20, 0, [10]],
  ['lets those go on that share a limit', [0], 0, 0, []],
  ['ends what shared a limit', [0, 0], 10, 10, [0, 0]],
])('%s', (_what, consumers, limit, missing, leave) => {
  const change = fitConsumers(limits(...consumers), { limit })
  expect({ ...change, leave: change.leave.map((one) => one.limit) }).toEqual({ missing, leave })
})

it.each<[what: string, consumers: number[], limit: number, missing: number, leave: number[]]>([
  ['gives a larger limit to another', [10], 20, 20, [10]],
  ['has those before the newest leave', [10, 20], 20, 0, [10]],
  ['gives a much smaller one to another', [100], 20, 20, [100]],
  ['not while others are still to leave', [10, 100], 20, 0, [10]],
])('of a queue with a single active consumer, %s', (_what, consumers, limit, missing, leave) => {
  const change = fitConsumers(limits(...consumers), { limit, singleActive: true })
  expect({ ...change, leave: change.leave.map((one) => one.limit) }).toEqual({ missing, leave })
})
