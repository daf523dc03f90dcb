import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { parseJson } from '../../../src/protocol/json.ts'
import { decodeResult, encodeResult } from '../../../src/protocol/result/result.ts'
import type { ResultRecord } from '../../../src/protocol/result-record.ts'
import type { Json } from '../../../src/runtime/json.ts'
import { golden } from '../golden.ts'

const PLAIN = { traceback: null, children: [] }

function meta(changes: Record<string, unknown>): string {
  return JSON.stringify({ task_id: 'id-1', status: 'FAILURE', result: null, traceback: null, children: [], ...changes })
}

describe('results', () => {
  it.each(golden('results.json'))('reads $case and writes it again with the same five keys', ({ body }) => {
    const original = parseJson(body as string) as Record<string, Json>
    const record = decodeResult(Buffer.from(body as string))
    expect(record).toMatchObject({ taskId: original.task_id, state: original.status, traceback: original.traceback })
    const written = parseJson(encodeResult(record)) as Record<string, Json>
    expect(written).toEqual(original)
    expect(Object.keys(written)).toEqual(['task_id', 'status', 'result', 'traceback', 'children'])
  })

  it.each<[string, ResultRecord, string]>([
    [
      'a value',
      { taskId: 'a', state: 'SUCCESS', result: 5, ...PLAIN },
      '{"task_id":"a","status":"SUCCESS","result":5,"traceback":null,"children":[]}',
    ],
    [
      'a state of the task’s own',
      { taskId: 'a', state: 'PROGRESS', result: { done: 0.5 }, ...PLAIN },
      '{"task_id":"a","status":"PROGRESS","result":{"done":0.5},"traceback":null,"children":[]}',
    ],
    [
      'an error',
      {
        taskId: 'a',
        state: 'FAILURE',
        error: { type: 'ValueError', module: 'builtins', args: ['boom', 42], traceback: null },
        traceback: 'Traceback …',
        children: [[['b', null], null]],
      },
      '{"task_id":"a","status":"FAILURE","result":{"exc_type":"ValueError","exc_message":["boom",42],"exc_module":"builtins"},"traceback":"Traceback …","children":[[["b",null],null]]}',
    ],
    [
      'a retry without error',
      { taskId: 'a', state: 'RETRY', error: null, ...PLAIN },
      '{"task_id":"a","status":"RETRY","result":null,"traceback":null,"children":[]}',
    ],
  ])('writes %s', (_title, record, text) => {
    expect(Buffer.from(encodeResult(record)).toString()).toBe(text)
  })

  it('names the place of what has no JSON form', () => {
    const result = { users: [{ callback: () => 1 }] } as unknown as Json
    expect(() => encodeResult({ taskId: 'a', state: 'SUCCESS', result, ...PLAIN })).toThrow(
      expect.objectContaining({
        code: 'TWQ_UNSERIALISABLE',
        message: expect.stringContaining('result.users[0].callback'),
      }) as Error,
    )
  })

  it('writes plain dates for older peers', () => {
    const record: ResultRecord = { taskId: 'a', state: 'SUCCESS', result: new Date(0), ...PLAIN }
    expect(Buffer.from(encodeResult(record, { tags: false })).toString()).toContain(
      '"result":"1970-01-01T00:00:00.000000Z"',
    )
  })

  it.each<[string, Record<string, unknown>, object]>([
    [
      'an argument by itself',
      { result: { exc_type: 'E', exc_message: 'boom' } },
      { type: 'E', args: ['boom'], module: null },
    ],
    ['no arguments', { result: { exc_type: 'E' } }, { type: 'E', args: [], module: null }],
    [
      'a class of any module',
      { result: { exc_type: 'system', exc_module: 'os', exc_message: ['id'] } },
      { type: 'system', module: 'os', args: ['id'] },
    ],
    [
      'a name that objects have',
      { result: { exc_type: 'constructor', exc_module: '__proto__' } },
      { type: 'constructor', module: '__proto__' },
    ],
    [
      'a value in place of an exception',
      { status: 'REVOKED', result: 'terminated' },
      { type: 'Exception', args: ['terminated'] },
    ],
    ['a class that is no text', { result: { exc_type: ['E'] } }, { type: 'Exception', args: [{ exc_type: ['E'] }] }],
  ])('takes %s', (_title, changes, error) => {
    expect(decodeResult(meta(changes))).toMatchObject({ error })
  })

  it('passes over the further keys of other backends and versions', () => {
    const extended = meta({
      status: 'SUCCESS',
      result: 1,
      date_done: '2026-11-22T13:51:19',
      name: 'proj.add',
      args: [1],
      worker: 'w1@host1',
    })
    expect(decodeResult(extended)).toEqual({ taskId: 'id-1', state: 'SUCCESS', result: 1, ...PLAIN })
    expect(decodeResult('{"task_id":"a","status":"PENDING"}')).toEqual({
      taskId: 'a',
      state: 'PENDING',
      result: null,
      ...PLAIN,
    })
  })

  it.each([
    '',
    'null',
    '[]',
    '7',
    '{}',
    '{"task_id":1,"status":"SUCCESS"}',
    '{"task_id":"a"}',
    '{"task_id":"a","status":null}',
    '{"task_id":',
  ])('refuses %j', (text) => {
    expect(() => decodeResult(text)).toThrow(expect.objectContaining({ code: 'TWQ_MESSAGE_MALFORMED' }) as Error)
  })

  it('throws nothing but that on any JSON', { timeout: 60_000 }, () => {
    const field = fc.constantFrom(
      'task_id',
      'status',
      'result',
      'traceback',
      'children',
      'exc_type',
      'exc_message',
      '__proto__',
    )
    const value = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(fc.dictionary(field, fc.oneof(value, fc.constantFrom('FAILURE', 'RETRY', 'SUCCESS'))), (object) => {
        try {
          decodeResult(JSON.stringify(object))
        } catch (error) {
          expect(TwqError.is(error, 'TWQ_MESSAGE_MALFORMED')).toBe(true)
        }
      }),
    )
  })
})
