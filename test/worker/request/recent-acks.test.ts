import { expect, it } from 'vitest'
import { RecentAcks } from '../../../src/worker/request/recent-acks.ts'

const UUID = '6f2d9a4c-3b1e-4c57-9d80-0a1b2c3d4e5f'
// As long in characters, and in bytes, as a UUID.
const ACCENTED = 'ü'.repeat(36)
const IN_BYTES = 'ü'.repeat(18)

function acked(...ids: readonly string[]): RecentAcks {
  const acks = new RecentAcks()
  for (const [retries, id] of ids.entries()) acks.add({ id, retries, replacedTaskNesting: 2, rerun: 1 })
  return acks
}

it('has the newest attempts, each as it was, the newest first', () => {
  const acks = acked('first', UUID, '', ACCENTED, IN_BYTES)
  expect(acks.newest(3).map(({ id, retries }) => [id, retries])).toEqual([
    [IN_BYTES, 4],
    [ACCENTED, 3],
    ['', 2],
  ])
  expect(acks.newest(0).at(-2)).toEqual({ id: UUID, retries: 1, replacedTaskNesting: 2, rerun: 1 })
  expect(acks.newest(0).at(-1)?.id).toBe('first')
})

it('has 10,000 at most, whatever their ids', () => {
  const acks = new RecentAcks()
  const idOf = (n: number): string => (n % 3 === 0 ? `task ${n}` : UUID.slice(0, -5) + String(n).padStart(5, '0'))
  for (let n = 0; n < 25_000; n++) acks.add({ id: idOf(n), retries: 0, replacedTaskNesting: 0, rerun: 0 })
  const newest = acks.newest(0)
  expect(newest.length).toBe(10_000)
  expect(newest.every(({ id }, back) => id === idOf(24_999 - back))).toBe(true)
})
