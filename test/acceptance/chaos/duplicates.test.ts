import { expect, it } from 'vitest'
import { attribute, type Fault, type Run } from './duplicates.ts'

const killed: Fault = { name: 'SIGKILL', begin: 10_000, end: 20_000, hits: new Set(['a']) }
const run = (worker: string, at: number, redelivered = false): Run => ({ id: 'x', worker, at, redelivered })
const none = new Map<string, number[]>()

it('attributes a second start to the fault at which the first was in flight', () => {
  const { explained, unexplained } = attribute([run('a', 9_900), run('b', 10_100, true)], [killed], none)
  expect([explained.get('SIGKILL'), unexplained]).toEqual([1, []])
})

it.each([
  ['of a worker that the fault did not hit', [run('b', 9_900), run('b', 10_100, true)]],
  ['of a task that was settled long before', [run('a', 5_000), run('b', 10_100, true)]],
  ['that came before the fault', [run('a', 9_000), run('b', 9_500, true)]],
  ['that was not told', [run('a', 9_900), run('b', 10_100)]],
])('does not explain a second start %s', (_what, runs) => {
  expect(attribute(runs, [killed], none).unexplained).toEqual([runs[1]])
})

it('explains a second start by a message that was sent again because of a fault', () => {
  const runs = [run('b', 10_100), run('b', 15_000)]
  expect(attribute(runs, [killed], new Map([['x', [14_000]]])).unexplained).toEqual([])
  expect(attribute(runs, [killed], new Map([['x', [9_000]]])).unexplained).toEqual([runs[1]])
})

it('explains a first start that comes late, of a worker that was frozen, by a fault that hit it', () => {
  const runs = [run('b', 15_000, true), run('a', 15_200)]
  expect(attribute(runs, [killed], none).unexplained).toEqual([])
  expect(attribute(runs, [{ ...killed, hits: new Set(['b']) }], none).unexplained).toEqual([runs[1]])
})
