import { describe, expect, it } from 'vitest'
import { applySignature, type FollowUp } from '../../src/canvas/apply.ts'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { abandonedBy } from '../../src/canvas/follow-ups.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { TwqError } from '../../src/errors.ts'
import { readQueuedChord } from '../../src/protocol/chord/queued-chord.ts'
import { parseJson } from '../../src/protocol/json.ts'
import type { WireMessage } from '../../src/protocol/wire.ts'
import type { JsonObject } from '../../src/runtime/json.ts'
import { createRouter } from '../../src/sending/router.ts'
import { type CanvasFacts, prepareCanvas } from '../../src/sending/send-canvas.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Canvas, SendOptions } from '../../src/tasks/sending.ts'
import { golden, wireOf } from '../protocol/golden.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const facts: CanvasFacts = {
  now: Date.UTC(2026, 0, 2),
  origin: 'gen1@host',
  replyTo: 'replies',
  router: createRouter({ defaultQueue: 'celery' }),
  chords: 'queue',
}

const prepare = (canvas: Canvas, options: SendOptions = {}, over: Partial<CanvasFacts> = {}) => {
  let ids = 0
  return prepareCanvas(canvas, options, { ...facts, newId: () => `id-${++ids}`, ...over })
}

const add = (...args: number[]) => signature('proj.add', args)
const mul = (...args: number[]) => signature('proj.mul', args)
const errold = signature('proj.errold')

/** A workflow, and the messages that Celery sent for the same. */
const cases: readonly [title: string, canvas: Canvas, sent: readonly string[]][] = [
  ['a chain', chain(add(1, 1), mul(3), add(5, 5).set({ immutable: true })), ['chain-3']],
  ['a chain that ends in a group', chain(add(1, 1), group(add(1), mul(2))), ['chain-into-group']],
  [
    'a chain with a link and an errback',
    chain(add(1, 1), mul(3)).set({ link: signature('proj.xsum'), linkError: errold }),
    ['chain-with-link-error'],
  ],
  ['a group', group(add(1, 1), add(2, 2)), ['group-2', 'group-2.2']],
  ['a group in a group', group([add(1, 1), group(add(2, 2))]), ['group-2', 'group-2.2']],
  ['a task with a link', add(1, 1).set({ link: mul(10) }), ['task-link']],
  ['a task with an errback', signature('proj.fail').set({ linkError: [errold] }), ['task-link-error']],
  [
    'a task with links of their own options',
    add(1, 1)
      .set({ link: mul(10) })
      .set({ link: signature('proj.xsum', [[1, 2]], { queue: 'cap2', countdown: '3s', immutable: true }) }),
    ['task-link-list-immutable'],
  ],
]

describe.each(['5.2.6', '5.6.3'])('the messages are those of Celery %s', (version) => {
  const captured = golden('sent-workflows.json')

  it.each(cases)('for %s', (_title, canvas, sent) => {
    const theirs = sent.map((name) => {
      const found = captured.find((message) => message.case === `${version}-${name}`)
      if (found === undefined) throw new Error(`no captured message ${name}`)
      return comparable(wireOf(found), version)
    })
    const ours = prepare(canvas).messages.map(({ outgoing }) => comparable(outgoing.message, version))
    expect(withoutNames(ours)).toEqual(withoutNames(theirs))
  })
})

/** All that Celery reads; what names the language, the process, the time and its spelling of arguments is each sender's own. */
function comparable({ properties, headers, body }: WireMessage, version: string) {
  const { lang, origin, argsrepr, kwargsrepr, ...same } = headers
  // Not there yet in 5.2, nor the index of a group's member that the client sends.
  const { replaced_task_nesting, stamped_headers, stamps, group_index, ...older } = same
  const { priority, timestamp, ...carried } = JSON.parse(JSON.stringify(properties))
  return { properties: carried, headers: version === '5.6.3' ? same : older, body: parseJson(body) }
}

/** Ids and reply queues are told apart, but not by their names: each is called after its first place. */
function withoutNames(messages: unknown): unknown {
  const names = new Map<string, string>()
  const text = JSON.stringify(messages, (_key, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return JSON.parse(
    text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"(id-\d+|replies|group-\d+)"/g, (name) => {
      const plain = name.replaceAll('"', '')
      if (!names.has(plain)) names.set(plain, `#${names.size + 1}`)
      return name.startsWith('"') ? `"${names.get(plain)}"` : (names.get(plain) as string)
    }),
  )
}

describe('a workflow to be sent', () => {
  it('knows the ids of its steps beforehand', () => {
    const { messages, node } = prepare(chain(add(1), group(add(2), mul(3))))
    expect(messages.map(({ id }) => id)).toEqual([node.parent?.id])
    expect(node).toMatchObject({
      kind: 'group',
      members: [
        { task: 'proj.add', readable: true },
        { task: 'proj.mul', readable: true },
      ],
      parent: { kind: 'task', task: 'proj.add', parent: undefined },
    })
  })

  it('has the id of the last step where the body of a chord is a chain, by which Celery can fail it', () => {
    const { messages, node } = prepare(chord([add(1)], chain(add(2), mul(3))), {}, { chords: 'backend' })
    const [first] = messages
    const embed = (
      JSON.parse(String(first?.outgoing.message.body)) as [unknown, unknown, { chord: { options: object } }]
    )[2]
    expect(embed.chord.options).toEqual({ task_id: node.id })
  })

  it('sends a member of a group that is a chain by its first step', () => {
    const { messages, node } = prepare(group(chain(add(1), mul(2)), add(3)))
    expect(messages.map(({ task, outgoing }) => [task, outgoing.message.headers.group_index])).toEqual([
      ['proj.add', null],
      ['proj.add', 1],
    ])
    expect(node).toMatchObject({ members: [{ task: 'proj.mul', parent: { task: 'proj.add' } }, { task: 'proj.add' }] })
  })

  it('gives the options of the call to what is sent now', () => {
    const options = { queue: 'urgent', priority: 3, headers: { tenant: 'acme' } }
    const { messages } = prepare(chain(add(1), mul(2)), options)
    expect(messages.map(({ queue }) => queue)).toEqual(['urgent'])
    expect(messages[0]?.outgoing.message).toMatchObject({ properties: { priority: 3 }, headers: { tenant: 'acme' } })
    expect(prepare(group(add(1), mul(2)), options).messages.map(({ queue }) => queue)).toEqual(['urgent', 'urgent'])
  })

  it('takes the id of the call for the task, or the group, that stands for it', () => {
    expect(prepare(add(1), { taskId: 'mine' }).node.id).toBe('mine')
    expect(prepare(chain(add(1), mul(2)), { taskId: 'mine' }).node).toMatchObject({ id: 'mine', task: 'proj.mul' })
    expect(prepare(group(add(1)), { taskId: 'mine' }).messages[0]?.outgoing.message.headers.group).toBe('mine')
  })

  it('is a child of the task that sends it', () => {
    const parent = aTaskMessage({ id: 'parent', rootId: 'root' })
    const sent = prepare(group(add(1), chain(mul(2), add(3))), {}, { parent }).messages
    expect(sent.map(({ outgoing: { message } }) => [message.headers.parent_id, message.headers.root_id])).toEqual([
      ['parent', 'root'],
      ['parent', 'root'],
    ])
  })

  it('goes where its tasks say, and asks for no result that they do not give', () => {
    const mail = defineTask({ name: 'mail', queue: 'post', ignoreResult: true, run() {} })
    const { messages, node } = prepare(chain(signature(mail), signature(mail)))
    expect(messages[0]).toMatchObject({ queue: 'post', outgoing: { message: { headers: { ignore_result: true } } } })
    expect(messages[0]?.outgoing.message.properties.replyTo).toBe('')
    expect(node).toMatchObject({ readable: false, parent: { readable: false } })
  })

  it('has the priority of the task that sends it, where that is inherited and nothing says another', () => {
    const over = { parent: { ...aTaskMessage(), priority: 6 }, inheritPriority: true }
    const { messages } = prepare(group(add(1), add(2).set({ priority: 1 })), {}, over)
    expect(messages.map(({ outgoing }) => outgoing.message.properties.priority)).toEqual([6, 1])
  })

  it('reads no results where nobody could', () => {
    expect(prepare(add(1), {}, { replyTo: undefined }).node).toMatchObject({ readable: false })
  })

  it.each<[string, () => unknown, string]>([
    ['an option that there is not', () => prepare(add(1), { que: 'x' } as SendOptions), 'TWQ_ARGUMENTS'],
    ['a value without JSON', () => prepare(signature('x', [() => 1] as never)), 'TWQ_UNSERIALISABLE'],
    ['what is no canvas', () => prepare({} as Canvas), 'TWQ_ARGUMENTS'],
  ])('is refused for %s', (_title, send, code) => {
    expect(send).toThrow(expect.toSatisfy((error) => TwqError.is(error, code as 'TWQ_ARGUMENTS')))
  })
})

describe('a chord that is joined from its queue', () => {
  const joined = (canvas: Canvas, over: Partial<CanvasFacts> = {}) => {
    const prepared = prepare(canvas, {}, over)
    const chords = prepared.joins.map(({ outgoing }) => {
      const [, kwargs] = parseJson(outgoing.message.body) as [unknown, JsonObject]
      return readQueuedChord(kwargs)
    })
    return { ...prepared, chords }
  }
  const replies = (messages: readonly FollowUp[]) => messages.map(({ outgoing }) => outgoing.message.properties.replyTo)

  it('has its header reply to that, and its body to the sender', () => {
    const { messages, joins, chords, chordQueues, node } = joined(chord([add(1), add(2)], mul(3)))
    const [first] = chords
    expect(chordQueues).toEqual([`twq.chord.${first?.groupId}`])
    expect(replies(messages)).toEqual([...chordQueues, ...chordQueues])
    expect(first?.members.map(({ id }) => id)).toEqual(messages.map(({ id }) => id))
    expect(first?.body).toMatchObject({ task: 'proj.mul', options: { task_id: node.id, reply_to: 'replies' } })
    expect(joins).toMatchObject([{ queue: 'twq.chords', outgoing: { message: { headers: { ignore_result: true } } } }])
    expect(node).toMatchObject({ readable: true, parent: { members: [{ readable: false }, { readable: false }] } })
  })

  it.each<[string, Canvas, object]>([
    ['by the routes of who sends it', mul(3), { options: { queue: 'sums', priority: 4 } }],
    ['where it says itself', mul(3).set({ queue: 'own' }), { options: { queue: 'own' } }],
    ['to the queue of who sends it', add(3), { options: { queue: 'here' } }],
    ['by an exchange', signature('proj.news'), { options: { exchange: 'news', routing_key: 'all' } }],
    ['with its members, if it is a group', group(mul(1), add(2)), { kwargs: { tasks: [{ options: { queue: 'sums' } }, { options: { queue: 'here' } }] } }],
    ['with its first step, if it is a chain', chain(mul(1), add(2)), { kwargs: { tasks: [{ options: { queue: 'sums' } }, { task: 'proj.add', options: { task_id: 'id-5' } }] } }],
  ])('has its body sent %s, whichever worker does it', (_title, body, expected) => {
    const routes = { 'proj.mul': { queue: 'sums', priority: 4 }, 'proj.news': { exchange: 'news', routingKey: 'all' } }
    const router = createRouter({ defaultQueue: 'here', routes })
    expect(joined(chord([add(1), add(2)], body), { router }).chords[0]?.body).toMatchObject(expected)
  }) // biome-ignore format: one case a line

  it('holds no chord for the workers', () => {
    const canvas = chain(add(1), group(add(2), add(3)), chord([mul(1), mul(2)], add(4)), mul(5))
    const { messages, chords } = joined(canvas)
    expect(Buffer.concat(messages.map(({ outgoing }) => outgoing.message.body)).toString()).not.toContain(
      'celery.chord',
    )
    expect(JSON.stringify(chords)).not.toContain('celery.chord')
    expect(chords).toHaveLength(2)
  })

  it('has one queue in another where it counts for another chord', () => {
    const { chords } = joined(chord([chord([add(1)], add(2)), add(3)], mul(4)))
    const [inner, outer] = chords
    expect(inner?.body).toMatchObject({ options: { reply_to: `twq.chord.${outer?.groupId}` } })
    expect(outer?.members).toHaveLength(2)
    expect(inner?.body).toMatchObject({ options: { task_id: outer?.members[0]?.id } })
  })

  it('keeps the queues apart of chords inside one that a worker sends later', () => {
    const inner = () => chord([add(1), add(2)], add(3))
    const { messages, chords } = joined(chain(add(0), chord([inner(), inner(), add(4)], mul(5))))
    const [one, two, outer] = chords.map(({ groupId }) => `twq.chord.${groupId}`)
    const [, , embed] = parseJson(messages[0]?.outgoing.message.body as Uint8Array) as [unknown, unknown, JsonObject]
    const [later] = embed.chain as unknown as [JsonObject]
    // Options of the group would replace those of its members, with a worker of Celery as with ours.
    expect(later.options).not.toHaveProperty('reply_to')
    expect(later.reply_to).toBe(outer)
    const facts = { newId: () => 'new', now: 0, origin: 'gen1@h', address: createRouter({ defaultQueue: 'q' }).address }
    const sent = applySignature(later, { args: [1], options: {} }, facts)
    expect(replies(sent.messages)).toEqual([one, one, two, two, outer])
    const failed = aTaskMessage({ embed: { callbacks: null, errbacks: null, chain: [later], chord: null } })
    expect(abandonedBy(failed)).toContainEqual(expect.objectContaining({ id: outer?.slice(10), replyTo: outer }))
  })

  it('counts the last task of a chain, whose others reply to the sender', () => {
    const { messages, chords } = joined(chord([chain(add(1), add(2)), add(3)], mul(4)))
    expect(replies(messages)).toEqual(['replies', `twq.chord.${chords[0]?.groupId}`])
    expect(chords[0]?.members[0]).toMatchObject({ rootId: messages[0]?.id })
  })

  it('takes its root from the task that sends it', () => {
    const { chords } = joined(chord([add(1)], mul(4)), { parent: aTaskMessage({ id: 'parent', rootId: 'root' }) })
    expect(chords[0]?.members).toMatchObject([{ rootId: 'root' }])
  })

  it('has an id where a step before it may fail: without one a worker of Celery 5.2 ends', () => {
    const { messages } = prepare(chain(add(1), group(add(2), add(3)), mul(3)), {}, { chords: 'backend' })
    const [, , embed] = parseJson(messages[0]?.outgoing.message.body as Uint8Array) as [unknown, unknown, JsonObject]
    const header = { options: { task_id: expect.any(String) } }
    expect(embed.chain).toMatchObject([{ task: 'celery.chord', options: { task_id: 'id-2' }, kwargs: { header } }])
  })

  it('is a chord for a backend that joins them', () => {
    const { messages, joins, announced, node } = prepare(chord([add(1), add(2)], mul(3)), {}, { chords: 'backend' })
    expect(joins).toEqual([])
    expect(announced).toMatchObject([{ size: 2 }])
    const [, , embed] = parseJson(messages[0]?.outgoing.message.body as Uint8Array) as [unknown, unknown, JsonObject]
    expect(embed.chord).toMatchObject({ task: 'proj.mul', options: { task_id: node.id, reply_to: 'replies' } })
    expect(node.parent).toMatchObject({ id: announced[0]?.groupId, members: messages.map(({ id }) => ({ id })) })
  })

  it.each([
    [{}],
    [{ group_id: 'g', until: 1, header: [], body: { task: 'x' } }],
    [{ group_id: 'g', until: 1, header: [['a', null]], body: 5 }],
    [{ group_id: 'x'.repeat(255), until: 1, header: [['a', null]], body: { task: 'x' } }],
    [{ group_id: 'g', until: 'soon', header: [['a', null]], body: { task: 'x' } }],
  ])('is not read from %j', (kwargs) => {
    expect(() => readQueuedChord(kwargs as never)).toThrow(TwqError)
  })
})
