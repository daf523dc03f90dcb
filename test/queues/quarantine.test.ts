import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/broker/broker.ts'
import { decodeFieldTable } from '../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../src/protocol/headers/encode-field-table.ts'
import { quarantineMessage } from '../../src/protocol/headers/quarantine.ts'
import { MAY_HAVE_STARTED, readMarks } from '../../src/protocol/headers/suspect.ts'
import { encodeTask } from '../../src/protocol/task/encode-task.ts'
import type { Headers } from '../../src/protocol/wire.ts'
import {
  type AsideDelivery,
  isMeant,
  type QuarantinedMessage,
  type QuarantineFilter,
  readQuarantined,
  replayOf,
} from '../../src/queues/quarantine.ts'

const NOON = Date.parse('2026-01-01T12:00:00.000Z')

const NEW: AsideDelivery = { headers: {}, redelivered: false }

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
  expect(replayOf(aQuarantined({ original }), NEW)).toEqual({
    route: { exchange: '', routingKey: 'celery' },
    message: { ...message, properties: { priority: 2, deliveryMode: 2 } },
  })
  expect(replayOf(aQuarantined(), NEW)).toBeUndefined()
})

describe('the mark that a message may have started before', () => {
  const route = { exchange: '', routingKey: 'celery' }
  const task = encodeTask({ id: 'id-1', task: 'emails.send', args: [], origin: 'test' }, { now: NOON })
  const facts = {
    queue: 'celery',
    route,
    id: 'id-1',
    task: 'emails.send',
    type: 'X',
    detail: '',
    node: 'w@h',
    now: NOON,
  }

  it.each<
    [string, boolean, { headers?: Headers; redelivered?: boolean; starts?: number; aside?: Partial<AsideDelivery> }]
  >([
    ['it never did', false, {}],
    ['it was redelivered when it was set aside', true, { redelivered: true }],
    ['its sender had marked it', true, { headers: MAY_HAVE_STARTED }],
    ['it had started', true, { headers: { 'x-twq-starts': 2 }, starts: 3 }],
    ['its copy was delivered before, perhaps to one who replayed it', true, { aside: { redelivered: true } }],
    ['its copy was returned to a quorum queue', true, { aside: { headers: { 'x-delivery-count': 1 } } }],
  ])('is on its replay where %s: %s', (_, marked, { headers, redelivered = false, starts, aside }) => {
    const original = { ...task, headers: { ...task.headers, ...headers } }
    const message = { ...original, rawHeaders: encodeTable(original.headers) }
    const copy = quarantineMessage(message, { ...facts, redelivered, starts })
    const told = { redelivered: false, ...aside, headers: { ...copy.message.headers, ...aside?.headers } }
    const replay = replayOf(readQuarantined({ ...copy.message, ...told } as Delivery), told)?.message
    const { fields } = decodeFieldTable(Buffer.from(replay?.rawHeaders ?? []))
    expect(fields).toMatchObject({ task: 'emails.send' })
    expect(readMarks(fields).redelivered).toBe(marked)
  })
})
