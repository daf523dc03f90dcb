import { expect, it } from 'vitest'
import { duration } from '../../../../src/monitor/page/format.ts'
import { lonely, tickLabels } from '../../../../src/monitor/page/parts/chart-marks.ts'

it('a value without neighbours is marked, since no line leads to it', () => {
  expect(lonely([null, 3, null, 1, 2, null, 0])).toEqual([1, 6])
  expect(lonely([5])).toEqual([0])
  expect(lonely([1, 2, 3])).toEqual([])
  expect(lonely([null, undefined])).toEqual([])
})

it('no two labels of an axis are the same, and zero is zero', () => {
  expect(tickLabels([0, 0.0005, 0.001, 0.0015, 0.002], duration)).toEqual(['0', '<1 ms', '1 ms', '2 ms', ''])
  expect(tickLabels([0, 10, 20], String)).toEqual(['0', '10', '20'])
})
