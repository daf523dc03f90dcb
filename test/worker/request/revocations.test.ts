import { expect, it } from 'vitest'
import { Revocations } from '../../../src/worker/request/revocations.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const HOURS = 3_600_000

it('revokes tasks by id, those that nobody has seen yet included', () => {
  const revocations = new Revocations(new ManualClock())
  revocations.revoke(['a', 'b'])
  expect(revocations.covers(aTaskMessage({ id: 'a' }))).toBe(true)
  expect(revocations.covers(aTaskMessage({ id: 'c' }))).toBe(false)
})

it('forgets after three hours', () => {
  const clock = new ManualClock()
  const revocations = new Revocations(clock)
  revocations.revoke(['a'])
  clock.advance(2 * HOURS)
  revocations.revoke(['b'])
  clock.advance(HOURS)
  expect(revocations.hasId('a')).toBe(false)
  expect(revocations.ids()).toEqual([['b', 2 * HOURS]])
})

it('remembers the newest 50,000', () => {
  const revocations = new Revocations(new ManualClock())
  revocations.revoke(Array.from({ length: 50_001 }, (_, index) => String(index)))
  expect(revocations.ids()).toHaveLength(50_000)
  expect(revocations.hasId('0')).toBe(false)
  expect(revocations.hasId('50000')).toBe(true)
})

it('remembers no more than 4 MiB of ids, the newest', () => {
  const revocations = new Revocations(new ManualClock())
  const idOf = (index: number): string => String(index).padStart(250, 'x')
  revocations.revoke(Array.from({ length: 40_000 }, (_, index) => idOf(index)))
  const bytes = revocations.ids().reduce((sum, [id]) => sum + id.length, 0)
  expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024)
  expect(bytes).toBeGreaterThan(4 * 1024 * 1024 - 251)
  expect(revocations.hasId(idOf(39_999))).toBe(true)
  for (let round = 0; round < 10; round += 1) revocations.revoke([idOf(39_999)])
  expect(revocations.ids().reduce((sum, [id]) => sum + id.length, 0)).toBe(bytes)
})

it('leaves out what no task can carry, from a command, from another worker, and from a file', () => {
  const revocations = new Revocations(new ManualClock())
  const long = 'x'.repeat(256)
  const wide = '漢'.repeat(86)
  revocations.revoke([long, wide, 'x'.repeat(255)])
  revocations.revokeStamped({ [long]: ['a'], b: [long, 'c'] })
  revocations.restore({
    ids: [[long, 1]],
    stamps: [
      [long, 'a', 1],
      ['a', wide, 1],
    ],
  })
  expect(revocations.save()).toEqual({ ids: [['x'.repeat(255), 0]], stamps: [['b', 'c', 0]] })
})

it('revokes tasks by a stamp, single or one of several', () => {
  const revocations = new Revocations(new ManualClock())
  revocations.revokeStamped({ customer: ['acme', '7'] })
  const stamped = (customer: unknown, stampedHeaders: string[] | null = ['customer']) =>
    revocations.covers(aTaskMessage({ stampedHeaders, stamps: { customer } as never }))
  expect(stamped('acme')).toBe(true)
  expect(stamped(['other', 7])).toBe(true)
  expect(stamped('other')).toBe(false)
  expect(stamped('acme', null)).toBe(false)
  // Celery looks at no further stamp once it knows the name of one.
  revocations.revokeStamped({ region: ['north'] })
  const twice = { stampedHeaders: ['region', 'customer'], stamps: { region: 'south', customer: 'acme' } }
  expect(revocations.covers(aTaskMessage(twice))).toBe(true)
})

it('lives on in what was saved, with the moments', () => {
  const clock = new ManualClock()
  const before = new Revocations(clock)
  before.revoke(['a'])
  before.revokeStamped({ customer: ['acme'] })
  const after = new Revocations(clock)
  clock.advance(2 * HOURS)
  after.restore(JSON.parse(JSON.stringify(before.save())))
  expect(after.hasId('a')).toBe(true)
  expect(after.covers(aTaskMessage({ stampedHeaders: ['customer'], stamps: { customer: 'acme' } }))).toBe(true)
  clock.advance(HOURS)
  expect(after.hasId('a')).toBe(false)
})
