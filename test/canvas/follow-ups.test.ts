import { describe, expect, it } from 'vitest'
import type { ApplyContext, FollowUp } from '../../src/canvas/apply.ts'
import { abandonedBy, bodyOfChord, errbacksOf, hasNoFollowUps, successorsOf } from '../../src/canvas/follow-ups.ts'
import { TwqError } from '../../src/errors.ts'
import { parseJson } from '../../src/protocol/json.ts'
import { decodeTask } from '../../src/protocol/task/decode-task.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import type { Json } from '../../src/runtime/json.ts'
import { createRouter } from '../../src/sending/router.ts'
import { type Captured, golden, wireOf } from '../protocol/golden.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const captured = golden('canvas.json')
const NOW = Date.UTC(2026, 10, 23)

function the(name: string): Captured {
  const found = captured.find((message) => message.case === name)
  if (found === undefined) throw new Error(`no captured message ${name}`)
  return found
}

function read(name: string): TaskMessage {
  const decoded = decodeTask(wireOf(the(name)), { maxBodySize: 1e6 })
  if (decoded.kind !== 'task') throw new Error(decoded.malformed.reason)
  return decoded.message
}

/** Ids come from the list, as Celery drew them; then 'id-1' and so on. */
function ground(ids: readonly string[] = []): ApplyContext {
  const left = [...ids]
  let drawn = 0
  return {
    newId: () => left.shift() ?? `id-${++drawn}`,
    now: NOW,
    origin: 'gen1@here',
    address: createRouter({ defaultQueue: 'celery' }).address,
  }
}

function embedding(embed: Partial<TaskMessage['embed']>): TaskMessage {
  return aTaskMessage({ id: 'first', embed: { callbacks: null, errbacks: null, chain: null, chord: null, ...embed } })
}

const signature = (task: string, options: object = {}, more: object = {}): Json =>
  ({ task, args: [], kwargs: {}, options, subtask_type: null, immutable: false, ...more }) as Json

const composed = (kind: string, kwargs: object, options: object = {}): Json =>
  signature(`celery.${kind}`, options, { kwargs, subtask_type: kind })

const described = ({ outgoing: { message } }: FollowUp) => ({
  headers: message.headers,
  properties: message.properties,
  body: parseJson(message.body),
})

/** What of a message is its sender's own: it names Python, its process, its priority and the spelling of arguments. */
function comparable(headers: object, version: string) {
  const { lang, origin, argsrepr, kwargsrepr, ...same } = headers as Record<string, unknown>
  if (version === '5.6.3') return same
  // Not there yet in 5.2, nor the index in a group of errbacks.
  const { replaced_task_nesting, stamped_headers, stamps, group_index, ...older } = same
  return older
}

/** The message, what its task returned, and the messages that a Python worker sent because of it. */
const successes: readonly [first: string, result: Json, followUps: readonly string[], children: Json][] = [
  ['exec-chain', 2, ['exec-chain.2'], [[['00001020-0000-4000-8000-000000001020', null], null]]],
  ['exec-chain.2', 6, ['exec-chain.3'], [[['00001021-0000-4000-8000-000000001021', null], null]]],
  ['exec-chain.3', 10, [], []],
  ['res-link', 2, ['res-link.2'], [[['00001019-0000-4000-8000-000000001019', null], null]]],
]

describe.each(['5.2.6', '5.6.3'])('as the worker of Celery %s', (version) => {
  it.each(successes)('sends after %s what follows', (first, result, followUps, children) => {
    const sent = successorsOf(read(`${version}-${first}`), result, ground())
    expectSame(sent.messages, followUps, version)
    expect(sent.children).toEqual(children)
  })

  it('starts the group that ends a chain', () => {
    const sent = successorsOf(read(`${version}-exec-chain-into-group`), 2, ground())
    expectSame(sent.messages, ['exec-chain-into-group.2', 'exec-chain-into-group.3'], version)
    const [[groupId], members] = sent.children[0] as [[string, null], unknown]
    expect(groupId).toBe(the(`${version}-exec-chain-into-group.2`).headers.group)
    expect(members).toEqual([
      [['00001027-0000-4000-8000-000000001027', null], null],
      [['00001028-0000-4000-8000-000000001028', null], null],
    ])
  })

  it.each(['exec-chain-fail', 'res-link-error-old', 'res-link-error-unregistered'])(
    'sends after %s the errback',
    (name) => {
      const { headers } = the(`${version}-${name}.2`)
      const sent = errbacksFor(read(`${version}-${name}`), ground([String(headers.group), String(headers.id)]))
      expect(sent.problems).toEqual([])
      expectSame(sent.messages, [`${name}.2`], version)
    },
  )
})

function errbacksFor({ id, rootId, embed }: TaskMessage, from: ApplyContext) {
  const { departures, problems } = errbacksOf({ id, rootId, errbacks: embed.errbacks ?? [] }, from)
  return { messages: departures.flatMap(({ messages }) => messages), problems }
}

function expectSame(messages: readonly FollowUp[], names: readonly string[], version: string): void {
  expect(messages).toHaveLength(names.length)
  for (const [index, name] of names.entries()) {
    const expected = the(`${version}-${name}`)
    const { headers, properties, body } = described(messages[index] as FollowUp)
    expect(comparable(headers, version)).toEqual(comparable(expected.headers, version))
    expect(body).toEqual(parseJson(String(expected.body)))
    expect(properties.correlationId).toBe(expected.properties.correlationId)
    expect(messages[index]?.outgoing.route).toEqual({ exchange: '', routingKey: 'celery' })
  }
}

describe('what follows a success', () => {
  it('answers to whom the signature says, and to nobody where it says nothing', () => {
    const [step] = successorsOf(read('5.6.3-exec-chain'), 2, ground()).messages
    expect(step && described(step).properties.replyTo).toBe(the('5.6.3-exec-chain').properties.replyTo)
    const [callback] = successorsOf(read('5.6.3-res-link'), 2, ground()).messages
    expect(callback && described(callback).properties.replyTo).toBe('')
  })

  it('carries the stamps of its signature', () => {
    const [step] = successorsOf(read('5.6.3-chain-stamped'), 2, ground()).messages
    expect(step && described(step).headers).toMatchObject({ stamped_headers: ['stamp1'], stamps: { stamp1: 'v1' } })
  })

  it('leaves the stamps of a member as they are, whatever those of its group are', () => {
    const own = { stamped_headers: ['group', 'own'], group: 'of the member', own: 1 }
    const members = [signature('stamped', own), signature('plain')]
    const group = composed('group', { tasks: members }, { stamped_headers: ['group'], group: 'of the group' })
    const { messages } = successorsOf(embedding({ callbacks: [group] }), 1, ground())
    expect(messages.map((message) => described(message).headers)).toMatchObject([
      { stamped_headers: ['group', 'own'], stamps: { group: 'of the member', own: 1 } },
      { stamped_headers: ['group'], stamps: { group: 'of the group' } },
    ])
  })

  it('takes its own callbacks and errbacks along', () => {
    const [step] = successorsOf(read('5.6.3-chain-with-link-error'), 2, ground()).messages
    const [, , embed] = step ? (described(step).body as [unknown, unknown, object]) : []
    expect(embed).toMatchObject({ callbacks: [{ task: 'proj.xsum' }], errbacks: [{ task: 'proj.errold' }], chain: [] })
  })

  it('makes one group of several callbacks, each in its own queue and at its own time', () => {
    const sent = successorsOf(read('5.6.3-task-link-list-immutable'), 2, ground())
    expect(sent.messages.map(({ queue }) => queue)).toEqual(['celery', 'cap2'])
    const [mul, xsum] = sent.messages.map(described)
    expect(mul).toMatchObject({ headers: { group: 'id-1', group_index: 0, eta: null }, body: [[2, 10], {}, {}] })
    expect(xsum).toMatchObject({ headers: { group: 'id-1', group_index: 1 }, body: [[[1, 2]], {}, {}] })
    expect(Date.parse(String(xsum?.headers.eta))).toBe(NOW + 3_000)
    expect(sent.children).toEqual([
      [
        ['id-1', null],
        [
          [['id-2', null], null],
          [['id-3', null], null],
        ],
      ],
    ])
  })

  it('keeps groups among the callbacks apart', () => {
    const group = composed('group', { tasks: [signature('b'), signature('c')] }, { task_id: 'own-group' })
    const sent = successorsOf(embedding({ callbacks: [signature('a'), group] }), 1, ground())
    expect(sent.messages.map(({ task, outgoing }) => [task, outgoing.message.headers.group])).toEqual([
      ['b', 'own-group'],
      ['c', 'own-group'],
      ['a', 'id-3'],
    ])
  })

  it('puts the rest of a chain that is a callback into its first step', () => {
    const chain = composed('chain', { tasks: [signature('a'), signature('b'), signature('c')] }, { task_id: 'last' })
    const sent = successorsOf(embedding({ callbacks: [chain] }), 7, ground())
    expect(sent.messages.map(({ task }) => task)).toEqual(['a'])
    const [[args, , embed]] = sent.messages.map((message) => described(message).body) as [[Json, Json, Embedded]]
    expect(args).toEqual([7])
    expect(embed.chain.map(({ task, options }) => [task, options.task_id])).toEqual([
      ['c', 'last'],
      ['b', 'id-2'],
    ])
    expect(embed.chain[0]?.options).toEqual({ task_id: 'last', root_id: 'first' })
    expect(sent.children).toEqual([[['id-1', null], null]])
  })

  it('runs a chain inside a chain before what comes after it', () => {
    const inner = composed('chain', { tasks: [signature('a'), signature('b')] })
    const sent = successorsOf(embedding({ chain: [signature('after'), inner] }), 1, ground())
    const [[, , embed]] = sent.messages.map((message) => described(message).body) as [[Json, Json, Embedded]]
    expect(embed.chain.map(({ task }) => task)).toEqual(['after', 'b'])
  })

  it('gives every step of a chain the errbacks of the chain, and its last step the callbacks', () => {
    const options = { link_error: [signature('e')], link: [signature('l')] }
    const chain = composed('chain', { tasks: [signature('a'), signature('b')] }, options)
    const sent = successorsOf(embedding({ callbacks: [chain] }), 1, ground())
    const [[, , embed]] = sent.messages.map((message) => described(message).body) as [[Json, Json, Embedded]]
    expect(embed).toMatchObject({ callbacks: null, errbacks: [{ task: 'e' }] })
    expect(embed.chain[0]?.options).toMatchObject({ link: [{ task: 'l' }], link_error: [{ task: 'e' }] })
  })

  it('gives the errbacks of a chain to each member of the group that ends it', () => {
    const members = [signature('b'), signature('c', { link_error: [signature('own')] })]
    const tasks = [signature('a'), composed('group', { tasks: members })]
    const sent = successorsOf(
      embedding({ callbacks: [composed('chain', { tasks }, { link_error: signature('e') })] }),
      1,
      ground(),
    )
    const [[, , embed]] = sent.messages.map((message) => described(message).body) as [[Json, Json, Embedded]]
    expect(embed.chain).toMatchObject([
      {
        kwargs: {
          tasks: [
            { options: { link_error: [{ task: 'e' }] } },
            { options: { link_error: [{ task: 'own' }, { task: 'e' }] } },
          ],
        },
      },
    ])
    const next = successorsOf(embedding({ chain: embed.chain as unknown as Json[] }), 1, ground())
    expect(next.messages.map(({ task }) => task)).toEqual(['b', 'c'])
  })

  it('counts a chain in a group by its last step', () => {
    const chain = composed('chain', { tasks: [signature('a'), signature('b')] })
    const group = composed('group', { tasks: [chain, signature('c')] })
    const sent = successorsOf(embedding({ callbacks: [group] }), 1, ground(['gid', 'a-id', 'b-id', 'c-id']))
    expect(sent.messages.map(({ task, outgoing }) => [task, outgoing.message.headers.group])).toEqual([
      ['a', null],
      ['c', 'gid'],
    ])
    expect(sent.children).toEqual([
      [
        ['gid', null],
        [
          [['b-id', [['a-id', null], null]], null],
          [['c-id', null], null],
        ],
      ],
    ])
  })

  it('calls maps as they stand, and makes a group of starmaps of chunks', () => {
    const it = [[1, 1], [2, 2], [3, 3]] // biome-ignore format: a list of arguments
    const map = composed('xstarmap', { task: signature('add'), it })
    const chunks = composed('chunks', { task: signature('add'), it, n: 2 })
    const [sentMap] = successorsOf(
      embedding({ chain: [{ ...(map as object), task: 'celery.starmap' } as Json] }),
      9,
      ground(),
    ).messages
    expect(sentMap && described(sentMap).body).toMatchObject([[], { it }, {}])
    const sent = successorsOf(embedding({ chain: [chunks] }), 9, ground())
    expect(sent.messages.map((message) => described(message).body)).toMatchObject([
      [[], { it: [[1, 1], [2, 2]] }, {}], // biome-ignore format: a list of arguments
      [[], { it: [[3, 3]] }, {}],
    ])
  })

  it('goes to the exchange that its signature names', () => {
    const [sent] = successorsOf(
      embedding({ callbacks: [signature('a', { exchange: 'news', routing_key: 'a.b' })] }),
      1,
      ground(),
    ).messages
    expect(sent?.outgoing.route).toEqual({ exchange: 'news', routingKey: 'a.b' })
  })
})

describe('what follows a failure', () => {
  it('leaves out an errback that is none, and sends the others', () => {
    const sent = errbacksFor(embedding({ errbacks: [17, signature('e')] }), ground())
    expect(sent.messages.map(({ task }) => task)).toEqual(['e'])
    expect(sent.problems).toEqual(['errbacks[0] must be a signature, not 17'])
  })

  it('names everybody who waits for a later step, members of groups included', () => {
    const group = composed('group', { tasks: [signature('b', { task_id: 'b-id', reply_to: 'q' })] }, { task_id: 'gid' })
    const quiet = signature('c', { task_id: 'c-id', ignore_result: true })
    const chain = [group, quiet, signature('d'), signature('a', { task_id: 'a-id', reply_to: 'q' })]
    expect(abandonedBy(embedding({ chain }))).toMatchObject([
      { id: 'gid', replyTo: '', correlationId: 'gid', ignored: false },
      { id: 'b-id', replyTo: 'q', correlationId: 'b-id', ignored: false },
      { id: 'c-id', ignored: true },
      { id: 'a-id', replyTo: 'q', correlationId: 'a-id', ignored: false },
    ])
  })
})

const deep = (levels: number): Json =>
  levels === 0 ? signature('a') : composed('group', { tasks: [composed('chain', { tasks: [deep(levels - 1)] })] })

const refused: readonly [string, Json, string][] = [
  ['a number', 5, 'callbacks[0] must be a signature, not 5'],
  ['a signature without a task', {}, 'callbacks[0].task must be a text of 1 to 255 bytes, not undefined'],
  ['a kind that there is not', signature('a', {}, { subtask_type: 'constructor' }), 'is no kind of signature'],
  ['arguments that are no list', signature('a', {}, { args: 'xy' }), 'callbacks[0].args must be an array'],
  ['a countdown that is no number', signature('a', { countdown: 'soon' }), 'option countdown must be a number'],
  ['an eta that is no time', signature('a', { eta: 'tomorrow' }), 'option eta must be an ISO 8601 time'],
  ['a queue with an endless name', signature('a', { queue: 'q'.repeat(256) }), 'option queue must be a text'],
  ['a chain of nothing', composed('chain', { tasks: [] }), 'is a chain of no tasks'],
  ['chunks of no size', composed('chunks', { task: signature('a'), it: [], n: 0 }), 'must be a whole number from 1'],
  ['a group with a callback', composed('group', { tasks: [] }, { link: [signature('a')] }), 'is a group with a link'],
  ['a group too large', composed('group', { tasks: Array(10_001).fill(signature('a')) }), 'more than 10000 messages'],
  ['groups nested without end', deep(150), 'is nested more than 100 levels deep'],
  [
    'errbacks that multiply',
    composed(
      'chain',
      { tasks: Array(9_000).fill(signature('a')) },
      { link_error: [signature('e', { x: 'x'.repeat(9_000) })] },
    ),
    'more than 10000 messages',
  ],
]

it.each(refused)('refuses %s', (_title, callback, reason) => {
  const attempt = () => successorsOf(embedding({ callbacks: [callback] }), 1, ground())
  expect(attempt).toThrow(TwqError)
  expect(attempt).toThrow(reason)
})

it('knows a message that asks for nothing more', () => {
  expect(hasNoFollowUps(embedding({}))).toBe(true)
  expect(hasNoFollowUps(embedding({ chain: [] }))).toBe(false)
})

interface Embedded {
  readonly callbacks: Json
  readonly errbacks: Json
  readonly chain: readonly { readonly task: string; readonly options: Readonly<Record<string, Json>> }[]
}

describe('a priority that is inherited', () => {
  const urgent = {
    ...embedding({ callbacks: [signature('a', { priority: 2 })], chain: [signature('b')] }),
    priority: 7,
  }
  const prioritiesOf = (messages: readonly FollowUp[]) =>
    messages.map(({ outgoing }) => outgoing.message.properties.priority)
  const own: ApplyContext['address'] = (task, args, wanted, inherited) =>
    createRouter({ defaultQueue: 'celery', defaultPriority: 1 }).address(task, args, {
      ...(inherited !== undefined && { priority: inherited }),
      ...wanted,
    })

  it('is that of the task before, whatever callbacks and steps say, as in Celery', () => {
    const { messages } = successorsOf(urgent, 1, { ...ground(), address: own, inheritPriority: true })
    expect(prioritiesOf(messages)).toEqual([7, 7])
  })

  it('is for errbacks and for the bodies of chords that have none of their own', () => {
    const outside = { ...ground(), address: own, inheritPriority: true }
    const errbacks = [signature('e'), signature('f', { priority: 2 })]
    const { departures } = errbacksOf({ id: 'x', rootId: 'x', errbacks }, { ...outside, current: urgent })
    expect(prioritiesOf(departures.flatMap(({ messages }) => messages))).toEqual([7, 2])
    expect(prioritiesOf(bodyOfChord(signature('body'), [1], urgent, outside).messages)).toEqual([7])
  })

  it('is not, unless that is asked for', () => {
    const { messages } = successorsOf(urgent, 1, { ...ground(), address: own })
    expect(prioritiesOf(messages)).toEqual([2, 1])
  })
})
