import { describe, expect, it } from 'vitest'
import {
  type ControlRequest,
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  isAddressedTo,
} from '../../../src/protocol/remote/pidbox.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import { matchesGlob } from '../../../src/runtime/text/glob.ts'
import { golden, wireOf } from '../golden.ts'

const captured = golden('control.json')

function aRequestMessage(body: string, changes: Partial<WireMessage> = {}): WireMessage {
  return { properties: { contentType: 'application/json' }, headers: { clock: 5 }, body: Buffer.from(body), ...changes }
}

function decodedRequest(wire: WireMessage): ControlRequest {
  const decoded = decodeRequest(wire)
  if (decoded.kind === 'request') return decoded.request
  throw new Error(decoded.reason)
}

describe('requests', () => {
  it.each(captured.filter(({ kind }) => kind === 'request'))('$case is read and written again', (message) => {
    const wire = wireOf(message)
    const body = JSON.parse(message.body as string)
    const request = decodedRequest(wire)
    expect(request).toEqual({
      method: body.method,
      arguments: body.arguments,
      destination: body.destination,
      pattern: body.pattern,
      matcher: body.matcher,
      ticket: body.ticket ?? null,
      replyTo: body.reply_to ? { exchange: body.reply_to.exchange, routingKey: body.reply_to.routing_key } : null,
      clock: message.headers.clock,
    })

    const { ticket, replyTo, clock, matcher } = request
    const written = encodeRequest({
      ...request,
      matcher: matcher as 'glob' | null,
      clock: clock as number,
      expires: Number(message.headers.expires) * 1000,
      ...(ticket !== null && { ticket }),
      ...(replyTo !== null && { replyTo }),
    } as Parameters<typeof encodeRequest>[0])
    expect(written.properties).toEqual(wire.properties)
    expect(written.headers.clock).toBe(message.headers.clock)
    expect(written.headers.expires).toBeCloseTo(message.headers.expires as number, 3)
    if (ticket !== null) expect(JSON.parse(Buffer.from(written.body).toString())).toEqual(body)
  })

  it.each([
    ['', 'no content'],
    ['[]', 'the body must be an object'],
    ['{}', 'method must be a text'],
    ['{"method":["ping"]}', 'method must be a text'],
    ['{"method":"ping","arguments":[]}', 'arguments must be an object'],
    ['{"method":"ping","destination":[1]}', 'destination must be an array of node names'],
    ['{"method":"ping","pattern":1}', 'pattern must be a text'],
    ['{"method":"ping","ticket":{}}', 'ticket must be a text'],
    ['{"method":"ping","reply_to":"x"}', 'reply_to must be an object'],
    ['{"method":"ping","reply_to":{"exchange":"e","routing_key":""}}', 'routing_key must be a text'],
    ['{"method":"ping","reply_to":{"exchange":"e\\nf","routing_key":"k"}}', 'reply_to must name an exchange'],
    [`{"method":"ping","arguments":${'['.repeat(300)}`, 'nested more than 256'],
  ])('refuses %.80s', (body, reason) => {
    const wire = body === '' ? aRequestMessage('', { properties: {} }) : aRequestMessage(body)
    expect(decodeRequest(wire)).toEqual({ kind: 'malformed', reason: expect.stringContaining(reason) })
  })

  it('reads sparse requests, and no clock but a count', () => {
    expect(decodedRequest(aRequestMessage('{"method":"ping"}', { headers: { clock: 2n ** 60n } }))).toEqual({
      method: 'ping',
      arguments: {},
      destination: null,
      pattern: null,
      matcher: null,
      ticket: null,
      replyTo: null,
      clock: null,
    })
  })

  it('refuses pickle and undecodable headers', () => {
    const pickle = aRequestMessage('', { properties: { contentType: 'application/x-python-serialize' } })
    expect(decodeRequest(pickle)).toMatchObject({ kind: 'malformed', reason: expect.stringContaining('pickle') })
    expect(decodeRequest(aRequestMessage('{}', { headersError: 'too deep' }))).toMatchObject({ kind: 'malformed' })
  })
})

describe('replies', () => {
  it.each(captured.filter(({ kind }) => kind === 'reply'))('$case is read and written again', (message) => {
    const wire = wireOf(message)
    const { ticket, clock } = message.headers
    const [node, value] = Object.entries(JSON.parse(message.body as string))[0] as [string, never]
    expect(decodeReply(wire)).toEqual({ kind: 'reply', ticket, clock, replies: [{ node, value }] })
    const written = encodeReply({ node, value, ticket: ticket as string, clock: clock as number })
    expect(written.properties).toEqual(wire.properties)
    expect(written.headers).toEqual(wire.headers)
    expect(JSON.parse(Buffer.from(written.body).toString())).toEqual({ [node]: value })
  })

  it('refuses what is no reply', () => {
    for (const body of ['', '[]', 'null', '{"w1@host1":']) {
      expect(decodeReply(aRequestMessage(body))).toMatchObject({ kind: 'malformed' })
    }
  })
})

describe('isAddressedTo', () => {
  const request = decodedRequest(aRequestMessage('{"method":"ping"}'))

  it.each<[Partial<ControlRequest>, boolean]>([
    [{}, true],
    [{ destination: [] }, true],
    [{ destination: ['w1@host1'] }, true],
    [{ destination: ['w2@host1', 'w1@host1'] }, true],
    [{ destination: ['w1'] }, false],
    [{ destination: ['w*'] }, false],
    [{ pattern: 'w*@host1', matcher: 'glob' }, true],
    [{ pattern: 'x*', matcher: 'glob' }, false],
    [{ pattern: 'w.@host1', matcher: 'pcre' }, false],
    [{ pattern: '*', matcher: 'fuzzy' }, false],
    [{ pattern: 'x*', matcher: null }, true],
    [{ destination: ['w1@host1'], pattern: 'x*', matcher: 'glob' }, true],
  ])('%j: %s', (changes, addressed) => {
    expect(isAddressedTo({ ...request, ...changes }, 'w1@host1')).toBe(addressed)
  })
})

describe('matchesGlob', () => {
  it.each<[string, string, boolean]>([
    ['w1@host1', 'w1@host1', true],
    ['w1@host1', 'W1@host1', false],
    ['w1@host1', '*', true],
    ['w1@host1', '**', true],
    ['', '*', true],
    ['', '', true],
    ['', '?', false],
    ['w1@host1', 'w?@*', true],
    ['w1@host1', '*host', false],
    ['w1@host1', '*@*1', true],
    ['abcabd', '*abd', true],
    ['w1', 'w[123]', true],
    ['w1', 'w[0-9]', true],
    ['w1', 'w[!0-9]', false],
    ['wx', 'w[!0-9]', true],
    ['w-', 'w[a-]', true],
    ['w]', 'w[]]', true],
    ['w]', 'w[!]]', false],
    ['w[', 'w[', true],
    ['w[1', 'w[1', true],
    ['w1', 'w[1', false],
    ['a.b', 'a.b', true],
    ['axb', 'a.b', false],
  ])('%j is matched by %j: %s', (text, pattern, matches) => {
    expect(matchesGlob(text, pattern)).toBe(matches)
  })

  it('does not explode on many stars', () => {
    expect(matchesGlob('a'.repeat(250), `${'*a'.repeat(500)}b`)).toBe(false)
    expect(matchesGlob('a', '*'.repeat(100_000))).toBe(false)
  })
})
