import { describe, expect, it } from 'vitest'
import { type EventLineStyle, eventLine } from '../../../src/cli/events/event-line.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'

const iso: EventLineStyle = { time: 'iso', task: 'add' }

function event(type: string, fields: Partial<CeleryEvent> = {}): CeleryEvent {
  const uuid = type.startsWith('task-') ? { uuid: 't1' } : {}
  return {
    type,
    hostname: 'w1@host1',
    timestamp: 0,
    clock: 1,
    local_received: 0,
    utcoffset: 0,
    pid: 1,
    ...uuid,
    ...fields,
  }
}

describe('the line of an event', () => {
  it.each<[CeleryEvent, string]>([
    [
      event('task-received', { args: '(1, 2)', kwargs: '{}', eta: null, retries: 0 }),
      'task-received     add[t1]  (1, 2) {}',
    ],
    [
      event('task-received', { args: '()', kwargs: '{}', retries: 2, eta: '2030-01-01T00:00:00Z' }),
      'task-received     add[t1]  () {}  retries=2  eta=2030-01-01T00:00:00Z',
    ],
    [event('task-sent', { args: '()', kwargs: '{}', queue: 'q' }), 'task-sent         add[t1]  () {}  queue=q'],
    [event('task-started'), 'task-started      add[t1]'],
    [event('task-succeeded', { result: '3', runtime: 0.0123 }), 'task-succeeded    add[t1]  3 in 12 ms'],
    [event('task-failed', { exception: "ValueError('x')" }), "task-failed       add[t1]  ValueError('x')"],
    [event('task-retried', { exception: 'None' }), 'task-retried      add[t1]  None'],
    [event('task-revoked', { expired: true }), 'task-revoked      add[t1]  expired'],
    [event('task-revoked', { terminated: true }), 'task-revoked      add[t1]  terminated'],
    [event('task-rejected', { requeue: true }), 'task-rejected     add[t1]  back to the queue'],
    [
      event('worker-heartbeat', { sw_ident: 'twq', sw_ver: '1', active: 2, processed: 9, loadavg: [1, 0.5, 0.25] }),
      'worker-heartbeat  twq 1  active=2  processed=9  load=1 0.5 0.25',
    ],
    [event('task-half-done', { percent: 50 }), 'task-half-done    add[t1]  {"percent": 50}'],
    [event('billing'), 'billing'],
  ])('%#: says what counts', (given, expected) => {
    expect(eventLine(given, iso)).toBe(`1970-01-01T00:00:00.000Z  w1@host1  ${expected}`)
  })

  it('takes any value for any field', () => {
    const line = eventLine(event('task-succeeded', { result: { a: [1] }, runtime: 'long' }), {
      ...iso,
      task: undefined,
    })
    expect(line).toBe('1970-01-01T00:00:00.000Z  w1@host1  task-succeeded    ?[t1]  {"a": [1]} in ?')
    expect(eventLine(event('task-received', { timestamp: 1e300 }), iso)).toMatch(/^1e\+300 {2}w1/)
  })

  it('does not steer the terminal', () => {
    const hostile = '\u001b[2J\nroot'
    const fields = { hostname: hostile, result: hostile, exception: hostile, args: hostile, [hostile]: hostile }
    for (const type of ['task-succeeded', 'task-failed', 'task-received', `task-${hostile}`, 'task-x']) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
      expect(eventLine(event(type, fields), { ...iso, task: hostile })).not.toMatch(/[\u0000-\u001f]/)
    }
  })

  it('marks what it means', () => {
    const mark = (text: string, tone: string) => `${tone}:${text.trim()}`
    const marks = ['task-succeeded', 'task-failed', 'task-retried', 'task-started'].map(
      (type) => eventLine(event(type), { ...iso, mark }).split('  ')[2],
    )
    expect(marks).toEqual(['good:task-succeeded', 'bad:task-failed', 'other:task-retried', 'plain:task-started'])
  })
})
