import { expect, it } from 'vitest'
import { Audit } from '../../src/monitor/actions/audit.ts'

it('keeps the last thousand acts, and of refused ones a hundred: guesses do not push out what others did', () => {
  const audit = new Audit(
    () => 0,
    undefined,
    () => {},
  )
  const act = { who: 'ada', what: 'drop', on: 'celery: a', outcome: 'done', detail: undefined } as const
  audit.add(act)
  for (let tries = 0; tries < 5_000; tries++)
    audit.add({ ...act, who: 'x'.repeat(9_000), what: 'login', outcome: 'refused' })
  const { entries } = audit.list
  expect([entries.length, entries.at(-1)?.what]).toEqual([101, 'drop'])
  expect(entries[0]?.who.length).toBeLessThan(600)
  for (let acts = 0; acts < 2_000; acts++) audit.add(act)
  expect(audit.list.entries.length).toBe(1_000)
})
