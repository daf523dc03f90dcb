import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { type FailureFacts, failedMessage, readFailureFacts } from '../../../src/protocol/headers/failed.ts'
import { quarantineMessage, readQuarantineFacts, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import { readStory, storyHeaders } from '../../../src/protocol/headers/story.ts'
import { readMarks } from '../../../src/protocol/headers/suspect.ts'
import type { Outgoing, WireMessage } from '../../../src/protocol/wire.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

const facts: FailureFacts = {
  queue: 'mail',
  route: { exchange: 'orders', routingKey: 'a.b' },
  redelivered: false,
  id: 'id-1',
  task: 'mail.send',
  type: 'ValueError',
  detail: 'no such address: ä',
  node: 'twq@host1',
  now: NOW,
  outcome: 'failed',
  traceback: 'ValueError: no such address: ä\n    at send (mail.ts:3)',
  retries: 2,
  nesting: 0,
  rerun: 1,
  startedAt: NOW - 1_000,
  first: { type: 'OSError', detail: 'no route', traceback: 'first trace', at: NOW - 60_000, retries: 0 },
}

const headers = { lang: 'py', task: 'mail.send', id: 'id-1', retries: 2 }

const original: WireMessage = {
  properties: {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
    correlationId: 'id-1',
    replyTo: 'replies',
    expiration: '1000',
  },
  headers,
  // The last one is as narrow as no writer here makes it.
  rawHeaders: Buffer.concat([encodeTable(headers), Buffer.from([4, ...Buffer.from('tiny'), 0x62, 7])]),
  body: Buffer.from('[["a@b"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'),
}

const copies: Readonly<Record<string, () => Outgoing>> = {
  failed: () => failedMessage(original, facts, { part: 'whole', expiration: 5_000 }),
  quarantined: () => {
    const moved = { ...original, headers: { ...headers, 'x-twq-starts': 3, 'x-twq-history': ['moved'] } }
    return quarantineMessage(moved, { ...facts, redelivered: true, starts: 4 })
  },
}

interface Golden {
  readonly copy: 'failed' | 'quarantined'
  readonly form: string
  readonly headers: string
}

const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../../golden/set-aside.json', import.meta.url), 'utf8'),
)

describe('the copy of a message that was set aside', () => {
  it.each(golden)('$copy with $form is read', ({ copy, headers: bytes }) => {
    const { fields } = decodeFieldTable(Buffer.from(bytes, 'base64'))
    expect(readQuarantineFacts(fields)).toEqual({
      id: 'id-1',
      task: 'mail.send',
      reason: 'ValueError',
      detail: 'no such address: ä',
      time: '2026-01-02T03:04:05.000Z',
      node: 'twq@host1',
      queue: 'mail',
      starts: copy === 'failed' ? undefined : 4,
    })
    const { outcome, traceback, retries, nesting, rerun, first } = facts
    const failure = { part: 'whole', outcome, traceback, retries, nesting, rerun, first }
    const started = '2026-01-02T03:04:04.000Z'
    expect(readFailureFacts(fields)).toEqual(copy === 'failed' ? { ...failure, started } : undefined)
    const restored = restoreQuarantined({ properties: {}, headers: fields, body: original.body })
    expect(restored?.route).toEqual(facts.route)
    expect(restored?.message.properties).toEqual(original.properties)
    expect(Buffer.from(restored?.message.rawHeaders ?? [])).toEqual(original.rawHeaders)
  })

  it.each(golden.filter(({ form }) => form === 'one header'))('$copy is written with $form', (known) => {
    const { message } = copies[known.copy]!()
    expect(encodeTable(message.headers).toString('base64')).toBe(known.headers)
  })

  it('keeps what a worker would read of it, were it to come back to its task queue', () => {
    const { message } = copies.quarantined!()
    expect(readMarks(message.headers)).toMatchObject({ starts: 4, redelivered: true, history: ['moved'] })
  })
})

describe('a story', () => {
  it('that its JSON would make too long is written as a header for each entry', () => {
    const story = { detail: '\u0001'.repeat(1_000), traceback: '\u0001'.repeat(12_000), id: undefined }
    const written = storyHeaders(story)
    expect(Object.keys(written)).toEqual(['x-twq-detail', 'x-twq-traceback'])
    expect(encodeTable(written).length).toBeLessThan(14_000)
    expect(readStory(written)('traceback')).toBe(story.traceback)
  })

  it.each([
    ['no JSON', '{'],
    ['no object', '["detail"]'],
    ['deeper than any', `{"detail": ${'['.repeat(1_000)}`],
    ['a number', 7],
  ])('that is %s is passed over', (_title, story) => {
    const told = readStory({ 'x-twq-story': story, 'x-twq-detail': 'no luck' })
    expect(told('detail')).toBe('no luck')
  })

  it('tells nothing that objects inherit', () => {
    expect(readStory({ 'x-twq-story': '{"__proto__": {"detail": "x"}}' })('detail')).toBeUndefined()
    expect(readStory({ 'x-twq-story': '{}' })('constructor')).toBeUndefined()
  })
})
