import { expect, it } from 'vitest'
import { isMeant, type QuarantinedMessage, type QuarantineFilter, replayOf } from '../../src/queues/quarantine.ts'

const NOON = Date.parse('2026-01-01T12:00:00.000Z')

function aQuarantined(over: Partial<QuarantinedMessage> = {}): QuarantinedMessage {
  return {
    id: 'id-1',
    task: 'emails.send',
    reason: 'NotRegistered',
    detail: '',
    time: new Date(NOON).toISOString(),
    node: 'w@h',
    queue: 'celery',
    starts: undefined,
    history: [],
    original: undefined,
    ...over,
  }
}

it.each<[boolean, QuarantineFilter, Partial<QuarantinedMessage>?]>([
  [true, {}],
  [true, { task: 'emails.send' }],
  [true, { task: 'emails.*' }],
  [false, { task: 'email' }],
  [false, { task: '*' }, { task: undefined }],
  [false, { reason: 'DecodeError' }],
  [true, { id: 'id-1', reason: 'NotRegistered' }],
  [true, { since: NOON }],
  [false, { since: NOON + 1 }],
  [true, { before: NOON + 1 }],
  [false, { before: NOON }],
  [false, { before: NOON + 1 }, { time: '' }],
])('is %s that the filter %j lets a message pass (%j)', (passes, filter, over) => {
  expect(isMeant(aQuarantined(over), filter)).toBe(passes)
})

it('replays the original to its own queue, without what would act on the broker again', () => {
  const message = { properties: { expiration: '10', userId: 'ada', priority: 2 }, headers: {}, body: Buffer.from('x') }
  const original = { route: { exchange: 'celery', routingKey: 'celery' }, message }
  expect(replayOf(aQuarantined({ original }))).toEqual({
    route: { exchange: '', routingKey: 'celery' },
    message: { ...message, properties: { priority: 2, deliveryMode: 2 } },
  })
  expect(replayOf(aQuarantined())).toBeUndefined()
})
