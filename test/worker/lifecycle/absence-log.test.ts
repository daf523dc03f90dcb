import { expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { AbsenceLog, type SessionRole } from '../../../src/worker/lifecycle/absence-log.ts'

function aLog(terminal = false) {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const clock = new ManualClock(0)
  const logger = createLogger({ level: 'debug', format: 'json', destination })
  const log = new AbsenceLog({ clock, logger, terminal })
  const fail = (role: SessionRole, error = new Error('nothing listens at h:1')): void =>
    log.retrying(role, { kind: 'retrying', error, attempt: 1, inMs: 500 })
  return { clock, log, fail, lines, told: () => lines.filter(({ level }) => level === 'warn') }
}

it('tells of an absent broker at once, after 10, 30 and 60 s, and every minute, for both connections together', () => {
  const { clock, fail, lines, told } = aLog()
  for (let second = 0; second <= 240; second += 1) {
    fail('consumer')
    fail('publisher')
    clock.advance(1_000)
  }
  expect(told().map(({ away_ms, tries }) => [away_ms, tries])).toEqual([
    [0, 1],
    [10_000, 21],
    [30_000, 61],
    [60_000, 121],
    [120_000, 241],
    [180_000, 361],
    [240_000, 481],
  ])
  expect(told()[2]).toMatchObject({
    event: 'broker.retrying',
    msg: 'the broker is away for 30 s; trying again',
    error: 'nothing listens at h:1',
  })
  expect(lines).toHaveLength(482)
  expect(lines.filter(({ level }) => level === 'debug').every(({ event }) => event === 'broker.try-failed')).toBe(true)
})

it('begins anew once both connections were there', () => {
  const { clock, log, fail, told } = aLog()
  fail('consumer')
  fail('publisher')
  log.connected('consumer')
  clock.advance(5_000)
  fail('publisher')
  expect(told()).toHaveLength(1)
  log.connected('publisher')
  fail('consumer')
  expect(told()).toHaveLength(2)
  expect(told()[1]).toMatchObject({ tries: 1, away_ms: 0 })
})

it('names the command that brings a broker to a person whose worker has never had one', () => {
  const { log, fail, told } = aLog(true)
  fail('consumer')
  expect(told()[0]).toMatchObject({ hint: expect.stringContaining('npx twq dev') })
  log.connected('consumer')
  fail('consumer')
  expect(told()[1]).not.toHaveProperty('hint')
  const silent = aLog(false)
  silent.fail('consumer')
  expect(silent.told()[0]).not.toHaveProperty('hint')
})

it('tells of a refusal when it is first heard, with what to do, and not again for the other connection', () => {
  const { clock, log, fail, told } = aLog()
  const refused = new TwqError('TWQ_BROKER_AUTH', 'login refused for user "a"', { hint: 'Check the password.' })
  fail('consumer')
  clock.advance(100)
  fail('publisher', refused)
  fail('consumer', refused)
  expect(told()).toHaveLength(2)
  expect(told()[1]).toMatchObject({
    event: 'broker.retrying',
    msg: 'the broker refuses the connection; trying again',
    error: 'login refused for user "a"',
    hint: 'Check the password.',
  })
  log.connected('consumer')
  log.connected('publisher')
  fail('consumer')
  fail('consumer', refused)
  expect(told()).toHaveLength(4)
})
