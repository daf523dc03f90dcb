import { describe, expect, it } from 'vitest'
import { type SendFlags, sendOptions } from '../../../src/cli/flags/send-request.ts'
import { milliseconds } from '../../../src/cli/flags/values.ts'
import { TwqError } from '../../../src/errors.ts'
import type { SendOptions } from '../../../src/tasks/sending.ts'

describe('the flags of task send', () => {
  it.each<[SendFlags, SendOptions]>([
    [{}, {}],
    [
      { queue: 'emails', taskId: 'a' },
      { queue: 'emails', taskId: 'a' },
    ],
    [{ countdown: '10' }, { countdown: 10_000 }],
    [{ countdown: '500ms' }, { countdown: 500 }],
    [{ eta: '2030-01-31T08:00:00Z' }, { eta: new Date('2030-01-31T08:00:00Z') }],
    [{ eta: '2030-01-31T08:00:00+02:00' }, { eta: new Date('2030-01-31T06:00:00Z') }],
    [{ expires: '1h' }, { expires: 3_600_000 }],
    [{ expires: '2030-01-31' }, { expires: new Date('2030-01-31') }],
    [{ priority: '0' }, { priority: 0 }],
    [
      { exchange: 'letters', routingKey: 'mail.urgent' },
      { exchange: 'letters', routingKey: 'mail.urgent' },
    ],
    [
      { retries: '2', timeLimit: '1m', softTimeLimit: '30' },
      { retries: 2, timeLimit: 60_000, softTimeLimit: 30_000 },
    ],
    [{ header: ['a=1', 'b=x=y', 'c='] }, { headers: { a: '1', b: 'x=y', c: '' } }],
  ])('turns %j into %o', (flags, expected) => {
    expect(sendOptions(flags)).toEqual(expected)
  })

  it.each<[SendFlags, string]>([
    [{ countdown: 'soon' }, '--countdown must be a duration like'],
    [{ countdown: '-5' }, '--countdown must be a duration like'],
    [{ retries: 'two' }, '--retries must be a whole number'],
    [{ eta: 'tomorrow' }, '--eta must be a date like'],
    [{ eta: '2030-02-31T99:00:00Z' }, '--eta must be a date like'],
    [{ eta: '10s' }, '--eta must be a date like'],
    [{ expires: 'never' }, '--expires must be a duration like'],
    [{ priority: '256' }, '--priority must be a whole number from 0 to 255, got "256"'],
    [{ priority: '1.5' }, '--priority must be'],
    [{ header: ['novalue'] }, '--header must be of the form name=value, got "novalue"'],
    [{ header: ['=x'] }, '--header must be'],
    [{ queue: '' }, '--queue must be a name, got ""'],
    [{ countdown: '1', eta: '2030-01-31T08:00:00Z' }, '--countdown and --eta both say when to run'],
  ])('refuses %j', (flags, expected) => {
    const attempt = (): SendOptions => sendOptions(flags)
    expect(attempt).toThrow(expected)
    expect(attempt).toThrow(expect.toSatisfy((error) => TwqError.is(error, 'TWQ_USAGE')))
  })
})

it('takes a bare number for seconds', () => {
  expect(milliseconds('--timeout', '1.5')).toBe(1_500)
  expect(() => milliseconds('--timeout', 'x')).toThrow('--timeout must be a duration')
})
