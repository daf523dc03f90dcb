import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { decodeTask } from '../../../src/protocol/task/decode-task.ts'
import { type Rerun, type RerunMessage, rerunMessage } from '../../../src/protocol/task/encode-rerun.ts'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import type { Headers, WireMessage } from '../../../src/protocol/wire.ts'

const NOW = Date.UTC(2030, 0, 1)

const headers: Headers = {
  task: 'proj.add',
  id: 'id-1',
  retries: 3,
  eta: '2029-01-01T00:00:00+00:00',
  expires: '2029-01-01T00:10:00+00:00',
  argsrepr: '(1, 200)',
  'my-own': 'kept',
  'x-delivery-count': 2,
  'x-twq-first-error': { id: 'id-1' },
}

function aMessage(body: string, more: Partial<WireMessage> = {}): WireMessage {
  return {
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      replyTo: 'replies',
      expiration: '5',
      priority: 3,
    },
    headers,
    rawHeaders: encodeTable(headers),
    body: Buffer.from(body),
    ...more,
  }
}

function rerun(original: WireMessage, change: Partial<Rerun> = {}): RerunMessage & { readonly body: string } {
  const again = rerunMessage(original, { rerun: 1, now: NOW, ...change })
  return { ...again, body: Buffer.from(again.message.body).toString() }
}

function decoded({ message }: RerunMessage): TaskMessage {
  const { fields } = decodeFieldTable(Buffer.from(message.rawHeaders ?? encodeTable(message.headers)))
  const result = decodeTask({ ...message, headers: fields }, { maxBodySize: 1024 * 1024 })
  if (result.kind === 'task') return result.message
  throw new Error(result.malformed.reason)
}

const FOLLOWED =
  '[[1.0, 2e2], {},  {"callbacks": [{"task": "c"}], "errbacks": [{"task": "e"}], "chain": [{"task": "s"}]} ]'
const IN_CHORD =
  '[[1.0], {"chord": 1}, {"chain": [{"task": "s", "options": {"chord": {"task": "b"}, "queue": "q"}}], "chord": {"task": "b"}}]'

describe('a failed task that runs again', () => {
  it('starts anew: no retries, no ETA, no expiry, and a number of its own', () => {
    const again = rerun(aMessage('[[1], {}, {}]'))
    expect(decoded(again)).toMatchObject({ id: 'id-1', retries: 0, eta: undefined, expires: undefined, rerun: 1 })
    expect(again.message.properties).toMatchObject({ expiration: undefined, replyTo: 'replies', priority: 3 })
  })

  it('carries the headers of its sender, and not what befell the message that failed', () => {
    const { headers: custom } = decoded(rerun(aMessage('[[1], {}, {}]')))
    expect(custom).toEqual({ 'my-own': 'kept' })
  })

  it('keeps the bytes of its arguments, chain, callbacks and errbacks', () => {
    expect(rerun(aMessage(FOLLOWED))).toMatchObject({ body: FOLLOWED, leavesChord: false })
  })

  it('leaves out the chord that it and its chain counted for, and nothing else', () => {
    const expected = IN_CHORD.replaceAll('{"task": "b"}', 'null')
    expect(rerun(aMessage(IN_CHORD))).toMatchObject({ body: expected, leavesChord: true })
  })

  it('does not reply to the queue of a chord', () => {
    const properties = { ...aMessage('').properties, replyTo: 'twq.chord.1' }
    const again = rerun(aMessage('[[1], {}, {}]', { properties }))
    expect(again.leavesChord).toBe(true)
    expect(again.message.properties.replyTo).toBeUndefined()
  })

  it('takes other arguments, shown as those it has', () => {
    const again = rerun(aMessage(FOLLOWED), { args: [5n, 'b'] })
    expect(again.body).toBe(FOLLOWED.replace('[1.0, 2e2]', '[5,"b"]'))
    expect(decoded(again)).toMatchObject({ args: [5, 'b'], argsRepr: "(5, 'b')" })
  })

  it('is changed in the text that was parsed, which has no byte order mark', () => {
    for (const [body, change] of [
      [FOLLOWED, { args: ['\ufeff'], kwargs: { a: 1 } }],
      [IN_CHORD, {}],
      [IN_CHORD, { args: [2] }],
    ] as const) {
      const again = rerun(aMessage(`\ufeff${body}`), change)
      expect(again.body).toBe(rerun(aMessage(body), change).body)
      expect(decoded(again)).toEqual(decoded(rerun(aMessage(body), change)))
    }
  })

  it('goes on as protocol 2 where it was of protocol 1', () => {
    const body = { id: 'id-1', task: 'proj.add', args: [1], kwargs: {}, retries: 3, chord: { task: 'b' } }
    const again = rerun(aMessage(JSON.stringify(body), { headers: {}, rawHeaders: encodeTable({}) }))
    expect(decoded(again)).toMatchObject({ task: 'proj.add', args: [1], retries: 0, rerun: 1, protocol: 2 })
    expect(again.leavesChord).toBe(true)
  })

  it('is published as it is where its body can not be read, and refused with other arguments', () => {
    const pickled = aMessage('x', { properties: { contentType: 'application/x-python-serialize' } })
    expect(rerun(pickled)).toMatchObject({ body: 'x', leavesChord: false })
    expect(() => rerun(pickled, { args: [] })).toThrow('pickle')
  })
})
