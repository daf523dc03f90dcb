import { expect, it } from 'vitest'
import { logLine, setAsideLine } from '../../../src/cli/dev/log-line.ts'

it.each<[string, object | string, string | undefined]>([
  ['a task logs', { level: 'info', msg: 'adding', task_id: 'a', x: 1 }, 'info: adding task_id=a x=1'],
  [
    'a task logs with an event',
    { level: 'info', msg: 'adding', event: 'mine', task_id: 'a' },
    'info: adding task_id=a',
  ],
  ['the worker is uneasy about', { level: 'warn', msg: 'lost', event: 'broker.lost' }, 'warn: lost'],
  [
    'went wrong',
    {
      level: 'error',
      msg: 'oh',
      event: 'process.unhandled-rejection',
      err: { type: 'Error', message: 'a', stack: 's' },
    },
    'error: oh (Error: a)',
  ],
  ['is no record', 'error[TWQ_TASKS]: there is no task to run', 'error[TWQ_TASKS]: there is no task to run'],
  ['is JSON of another kind', '{"a":1}', '{"a":1}'],
  ['would steer the terminal', { level: 'info', msg: '\u001b[2J', task_id: 'a' }, 'info: \\u001b[2J task_id=a'],
])('shows what %s', (_what, line, expected) => {
  expect(logLine(typeof line === 'string' ? line : JSON.stringify(line))).toBe(expected)
})

it.each([
  ['a task ended', { level: 'error', msg: 'task failed', event: 'task.failed', task_id: 'a' }],
  ['the worker drains', { level: 'warn', msg: 'stopping', event: 'worker.signal' }],
  ['the worker is connected', { level: 'info', msg: 'connected', event: 'broker.connected' }],
])('leaves out that %s, which is told otherwise', (_what, record) => {
  expect(logLine(JSON.stringify(record))).toBeUndefined()
})

it.each([
  [
    { task: 'nope', reason: 'NotRegistered', detail: 'no task named "nope"' },
    'nope set aside: NotRegistered: no task named "nope"',
  ],
  [{ reason: 'DecodeError', detail: '\u001b[2J' }, 'a message set aside: DecodeError: \\u001b[2J'],
  [{}, 'a message set aside'],
])('says that a message was set aside as it says how tasks end: %j', (fields, expected) => {
  const record = {
    level: 'error',
    msg: 'message quarantined: it can not be used',
    event: 'message.quarantined',
    ...fields,
  }
  expect(setAsideLine(JSON.stringify(record))).toBe(expected)
  expect(setAsideLine(JSON.stringify({ ...record, event: 'task.failed' }))).toBeUndefined()
  expect(setAsideLine('no record')).toBeUndefined()
})
