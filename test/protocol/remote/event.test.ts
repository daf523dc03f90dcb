import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../src/protocol/json.ts'
import {
  eventMessage,
  stampEvent,
  type TaskEvent,
  taskEventsMessage,
  taskFailed,
  taskReceived,
  taskRetried,
  taskRevoked,
  taskSucceeded,
  unknownTaskFailed,
  utcOffset,
  type WorkerEvent,
} from '../../../src/protocol/remote/event.ts'
import { celeryError, toRemoteError } from '../../../src/protocol/result/exceptions.ts'
import type { RemoteError } from '../../../src/protocol/result-record.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'
import { type Captured, golden } from '../golden.ts'

/** An event as it was captured. */
interface Seen {
  readonly type: string
  readonly hostname: string
  readonly pid: number
  readonly clock: number
  readonly timestamp: number
  readonly [field: string]: unknown
}

const captured = golden('events.json')

function eventsOf(message: Captured): { readonly batched: boolean; readonly events: Seen[] } {
  const body: unknown = JSON.parse(message.body as string)
  return { batched: Array.isArray(body), events: (Array.isArray(body) ? body : [body]) as Seen[] }
}

/** The captured event of a case, without what every event says. */
function fieldsOf(name: string): object {
  const message = captured.find(({ case: other }) => other === `event-${name}`)
  const [first] = message === undefined ? [] : eventsOf(message).events
  if (first === undefined) throw new Error(`no captured event ${name}`)
  const { hostname, utcoffset, pid, clock, timestamp, ...fields } = first
  return fields
}

function restamped({ hostname, utcoffset, pid, clock, timestamp, ...fields }: Seen): string {
  return stampEvent(fields as unknown as TaskEvent | WorkerEvent, { node: hostname, pid, clock, now: timestamp * 1000 })
}

describe('an event', () => {
  it.each(captured)('$case is written as Python writes it', (message) => {
    const { batched, events } = eventsOf(message)
    const node = message.headers.hostname as string
    const texts = events.map(restamped)
    const sent: Outgoing = batched
      ? taskEventsMessage(node, texts)
      : eventMessage(node, (events[0] as Seen).type, texts[0] as string)
    expect(sent.route).toEqual({ exchange: message.exchange, routingKey: message.routingKey })
    expect(sent.message.properties).toEqual(message.properties)
    expect(sent.message.headers).toEqual(message.headers)
    const body: unknown = JSON.parse(Buffer.from(sent.message.body).toString())
    const expected = events.map((event) => ({
      ...event,
      utcoffset: utcOffset(event.timestamp * 1000),
      timestamp: expect.closeTo(event.timestamp, 3),
    }))
    expect(body).toEqual(batched ? expected : expected[0])
  })

  it('has every dash of its type replaced in the routing key', () => {
    expect(eventMessage('w1@host1', 'worker-elect-ack', '{}').route.routingKey).toBe('worker.elect.ack')
  })
})

describe('the events of a task', () => {
  const boom: RemoteError = { type: 'ValueError', module: 'builtins', args: ['boom', 42], traceback: 'Traceback …' }

  it.each<[string, TaskEvent, string]>([
    [
      'received',
      taskReceived(
        aTaskMessage({
          id: '00001016-0000-4000-8000-000000001016',
          task: 'proj.add',
          argsRepr: '(1, 1)',
          eta: Date.parse('2026-11-22T13:51:49.386Z'),
        }),
      ),
      '5.2.6-res-eta-event-multi-task-received',
    ],
    ['succeeded', taskSucceeded('x', 5, 34.7), '5.2.6-res-success-event-multi-task-succeeded'],
    ['failed', taskFailed('x', boom), '5.2.6-res-failure-value-event-multi-task-failed'],
    [
      'failed, for nobody knows it',
      unknownTaskFailed('x', celeryError('NotRegistered', ['proj.nope'])),
      '5.2.6-res-unknown-task-event-multi-task-failed',
    ],
    ['retried', taskRetried('x', null), '5.2.6-res-retry-noexc-event-multi-task-retried'],
    [
      'retried after an error',
      taskRetried('x', { ...boom, type: 'OSError', args: ['auto'] }),
      '5.2.6-res-autoretry-event-multi-task-retried',
    ],
    ['rejected', { type: 'task-rejected', uuid: 'x', requeue: false }, '5.2.6-res-reject-event-multi-task-rejected'],
    ['revoked, for it expired', taskRevoked('x', 'expired'), '5.2.6-res-expired-event-multi-task-revoked'],
    [
      'revoked, for it was terminated',
      taskRevoked('x', 'terminated', 15),
      '5.6.3-res-terminated-event-multi-task-revoked',
    ],
  ])('%s: they have the fields and texts of Python', (_name, event, name) => {
    const expected = fieldsOf(name) as Record<string, unknown>
    expect(Object.keys(event).sort()).toEqual(Object.keys(expected).sort())
    for (const [key, value] of Object.entries(event)) {
      if (key === 'uuid' || key === 'runtime' || key === 'traceback') continue
      if (key === 'eta' && typeof value === 'string') expect(Date.parse(value)).toBe(Date.parse(expected.eta as string))
      else expect([key, value]).toEqual([key, expected[key]])
    }
  })

  it('name what is to be shown, and when it may run', () => {
    const message = aTaskMessage({ shadow: 'nightly', retries: 2, parentId: 'p', rootId: 'r', expires: 0 })
    expect(taskReceived(message)).toMatchObject({
      name: 'nightly',
      retries: 2,
      parent_id: 'p',
      root_id: 'r',
      eta: null,
      expires: '1970-01-01T00:00:00.000000+00:00',
    })
  })

  it('show values as Python does, and no more than a kilobyte of them', () => {
    const text = (event: TaskEvent, key: 'result' | 'exception') => (event as unknown as Record<string, string>)[key]
    const value = parseJson('{"i": 9223372036854775808, "nan": NaN, "none": null, "yes": true}')
    expect(text(taskSucceeded('x', value, 1), 'result')).toBe(
      "{'i': 9223372036854775808, 'nan': nan, 'none': None, 'yes': True}",
    )
    expect(text(taskSucceeded('x', 'a'.repeat(5_000), 1), 'result')?.length).toBeLessThan(1_040)
    expect(text(taskFailed('x', { ...boom, args: ['b'.repeat(5_000)] }), 'exception')).toHaveLength(1_024)
  })

  it('are never cut between the halves of a surrogate pair, which Python could not print', () => {
    for (const before of ['', 'x']) {
      const long = before + '😀'.repeat(40_000)
      const error = toRemoteError(new Error(long))
      const shown = [taskSucceeded('x', long, 1), taskFailed('x', error), taskRetried('x', error)].flatMap(
        Object.values,
      )
      expect([...shown, ...error.args].filter((value) => /\p{Surrogate}/u.test(String(value)))).toEqual([])
    }
  })
})
