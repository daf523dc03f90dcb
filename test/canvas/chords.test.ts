import { describe, expect, it } from 'vitest'
import type { ApplyContext, FollowUp } from '../../src/canvas/apply.ts'
import { applySignature } from '../../src/canvas/apply.ts'
import { calledByParts, errbackDigests, withUncalled } from '../../src/canvas/called-errbacks.ts'
import { callbackError, joinChord } from '../../src/canvas/chord-join.ts'
import {
  abandonedBy,
  abandonedWith,
  bodyOfChord,
  errbacksOf,
  failedWithChord,
  successorsOf,
} from '../../src/canvas/follow-ups.ts'
import { replacementOf } from '../../src/canvas/replacement.ts'
import { parseJson } from '../../src/protocol/json.ts'
import { celeryError } from '../../src/protocol/result/exceptions.ts'
import type { RemoteError, ResultRecord } from '../../src/protocol/result-record.ts'
import { decodeTask } from '../../src/protocol/task/decode-task.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import type { Json } from '../../src/runtime/json.ts'
import { createRouter } from '../../src/sending/router.ts'
import { golden, wireOf } from '../protocol/golden.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const captured = golden('canvas.json')

function read(name: string): TaskMessage {
  const found = captured.find((message) => message.case === `5.6.3-redis-${name}`)
  if (found === undefined) throw new Error(`no captured message ${name}`)
  const decoded = decodeTask(wireOf(found), { maxBodySize: 1e6 })
  if (decoded.kind !== 'task') throw new Error(decoded.malformed.reason)
  return decoded.message
}

/** Ids come from the list, as Celery drew them; then 'id-1' and so on. */
function ground(ids: readonly string[] = []): ApplyContext {
  const left = [...ids]
  let drawn = 0
  return {
    newId: () => left.shift() ?? `id-${++drawn}`,
    now: 0,
    origin: 'gen1@here',
    address: createRouter({ defaultQueue: 'celery' }).address,
  }
}

/** What of a message must be as Celery wrote it, but for the body of a chord inside it. */
function essence({ id, task, args, rootId, parentId, group, groupIndex, replyTo, embed }: TaskMessage) {
  return { id, task, args, rootId, parentId, group, groupIndex, replyTo, chain: embed.chain }
}

function sent({ outgoing }: FollowUp): TaskMessage {
  const decoded = decodeTask(outgoing.message, { maxBodySize: 1e6 })
  if (decoded.kind !== 'task') throw new Error(decoded.malformed.reason)
  return decoded.message
}

const signature = (task: string, options: object = {}, more: object = {}): Json =>
  ({ task, args: [], kwargs: {}, options, subtask_type: null, immutable: false, ...more }) as Json
const composed = (kind: string, kwargs: object, options: object = {}): Json =>
  signature(`celery.${kind}`, options, { kwargs, subtask_type: kind })
const group = (...tasks: Json[]): Json => composed('group', { tasks })
const chain = (...tasks: Json[]): Json => composed('chain', { tasks })
const chord = (header: Json, body: Json, options: object = {}): Json => composed('chord', { header, body }, options)

function start(value: Json, args: readonly Json[] = [], ids: readonly string[] = []) {
  const applied = applySignature(value, { args, options: { parent_id: 'p', root_id: 'r' } }, ground(ids))
  return { ...applied, messages: applied.messages.map(sent) }
}

describe('as the worker of Celery 5.6.3', () => {
  it('starts the chord that is the next step of a chain', () => {
    const first = read('chord-in-chain')
    const { chords, messages, children } = successorsOf(first, 2, ground())
    const expected = [read('chord-in-chain.2'), read('chord-in-chain.3')]
    expect(messages.map(sent).map(essence)).toEqual(expected.map(essence))
    const [header] = expected
    expect(chords).toEqual([{ groupId: header?.group, size: 2, shape: null }])
    expect(children).toEqual([[[header?.group, null], expected.map(({ id }) => [[id, null], null])]])
  })

  it.each<[body: string, last: string, results: readonly Json[]]>([
    ['chord.3', 'chord.2', [2, 4]],
    ['chord-in-chain.4', 'chord-in-chain.3', [3, 4]],
    ['chord-nested-group.4', 'chord-nested-group.3', [4, 2, 6]],
    ['chord-chain-in-header.4', 'chord-chain-in-header.3', [7, 4]],
  ])('sends %s once %s has ended', (body, last, results) => {
    const message = read(last)
    const { messages } = bodyOfChord(message.embed.chord, results, message, ground())
    expect(messages.map(sent).map(essence)).toEqual([essence(read(body))])
  })

  it('sends a body that is a group', () => {
    const message = read('chord-body-group.2')
    const { messages } = bodyOfChord(message.embed.chord, [2, 4], message, ground())
    expect(messages.map(sent).map(essence)).toEqual([
      essence(read('chord-body-group.3')),
      essence(read('chord-body-group.4')),
    ])
  })

  it('calls the errback of a body that will not run', () => {
    const { embed } = read('chord-error.2')
    const [failed] = failedWithChord(embed.chord)
    const errback = read('chord-error.3')
    const { departures } = errbacksOf(failed as never, ground([String(errback.group), errback.id]))
    const [own] = departures.flatMap(({ messages }) => messages).map(sent)
    // Ours answers to nobody, Celery's to the process that the header's last task ran in.
    expect(own && essence({ ...own, replyTo: errback.replyTo })).toEqual(essence(errback))
    expect(abandonedWith(embed.chord)).toMatchObject([
      { id: failed?.id, replyTo: '36b2019f-ed44-3401-b3eb-32d9e4cb0c67' },
    ])
  })
})

describe('replacing a task', () => {
  it.each([
    ['an empty chain', chain(), 'Cannot replace with an empty chain'],
    ['a part of another chord', signature('a', { chord: signature('b') }), 'A signature replacing a task must not be part of a chord'],
  ])('by %s raises what Celery raises', (_title, by, text) => {
    const replace = () => replacementOf(by, aTaskMessage(), ground())
    expect(replace).toThrow(expect.objectContaining({ type: 'ImproperlyConfigured', module: 'celery.exceptions', args: [text] }))
  }) // biome-ignore format: one case a line

  it('by a chord takes its errbacks over to the chords in the header', () => {
    const errback = signature('eb')
    const inner = chord([signature('a')], signature('b'))
    const message = aTaskMessage({ embed: { callbacks: null, errbacks: [errback], chain: null, chord: null } })
    const { messages } = replacementOf(chord([inner, signature('c')], signature('d')), message, ground())
    const [a, c] = messages.map(sent)
    const withErrback = { options: { link_error: [errback] } }
    expect(a?.embed.chord).toMatchObject({ task: 'b', options: { ...withErrback.options, chord: withErrback } })
    expect(c?.embed.chord).toMatchObject({ task: 'd', ...withErrback })
    expect(c?.embed.errbacks).toBeNull()
  })
})

describe('the errbacks of a chord', () => {
  const failed = (taskId: string, errbacksCalled?: readonly string[]): ResultRecord => {
    const error: RemoteError = { ...celeryError('ChordError', ['x']), ...(errbacksCalled && { errbacksCalled }) }
    return { taskId, state: 'FAILURE', error, traceback: null, children: [] }
  }
  const done: ResultRecord = { taskId: 's', state: 'SUCCESS', result: 1, traceback: null, children: [] }
  const [one, two] = [signature('one'), signature('two')]
  const ends = { id: 'b', rootId: 'b', errbacks: [one, two] }
  const [first = '', second = ''] = errbackDigests([ends])

  it('are not called again where every failed part has called them', () => {
    const called = calledByParts([done, failed('a', [first, 'other']), failed('b', [first])])
    expect(withUncalled(ends, called).errbacks).toEqual([two])
    expect(withUncalled(ends, calledByParts([failed('a', [first, second])])).errbacks).toEqual([])
  })

  it('are all called where a part failed by itself, or none did', () => {
    expect(withUncalled(ends, calledByParts([failed('a', [first]), failed('b')])).errbacks).toEqual([one, two])
    expect(withUncalled(ends, calledByParts([done])).errbacks).toEqual([one, two])
  })

  it('are known by what they call, however their keys are ordered', () => {
    const turned = Object.fromEntries(Object.entries(one as object).reverse()) as Json
    expect(errbackDigests([{ ...ends, errbacks: [turned] }])).toEqual([first])
  })
})

describe('applying a chord', () => {
  it('gives each task of the header the body, and the header what comes before its arguments', () => {
    const { messages, child, result } = start(
      chord([signature('a'), signature('b', {}, { immutable: true })], signature('c')),
      [7],
    )
    expect(messages.map(({ task, args, group, groupIndex }) => [task, args, group, groupIndex])).toEqual([
      ['a', [7], 'id-1', 0],
      ['b', [], 'id-1', 1],
    ])
    expect(messages.map(({ embed }) => embed.chord)).toEqual([messages[0]?.embed.chord, messages[0]?.embed.chord])
    expect(messages[0]?.embed.chord).toMatchObject({
      task: 'c',
      options: { task_id: 'id-2', group_id: 'id-1', root_id: 'r' },
    })
    expect(child?.[0]).toEqual(['id-1', null])
    expect(result).toEqual([['id-2', child], null])
  })

  it('sends the body of an empty header at once', () => {
    const { chords, messages } = start(chord([], signature('c')))
    expect(chords).toEqual([])
    expect(messages.map(({ task, args }) => [task, args])).toEqual([['c', [[]]]])
  })

  it.each<[string, Json, number]>([
    ['tasks', [signature('a'), signature('b')], 2],
    ['a group in a group', [group(signature('a'), group(signature('b'), signature('c')))], 3],
    ['a chain', [chain(signature('a'), signature('b')), signature('c')], 2],
    ['a chain that ends in a group', [chain(signature('a'), group(signature('b'), signature('c')))], 2],
    ['a chord', [chord([signature('a'), signature('b')], signature('c')), signature('d')], 2],
    ['a chord whose body is a group', [chord([signature('a')], group(signature('b'), signature('c')))], 2],
    ['chunks', [composed('chunks', { task: signature('a'), it: [[1], [2], [3]], n: 2 })], 2],
  ])('counts %s in a header', (_title, header, size) => {
    expect(start(chord(header, signature('z'))).chords[0]?.size).toBe(size)
  })

  it('takes the tasks of an inner group in reverse, as Celery does', () => {
    const header = group(group(signature('a'), group(signature('x'), signature('y'))), signature('c'))
    expect(start(chord(header, signature('z'))).messages.map(({ task }) => task)).toEqual(['y', 'x', 'a', 'c'])
  })

  it('has a chord in a header count with its body', () => {
    const inner = chord([signature('a')], signature('b', { task_id: 'inner-body' }), {})
    const { chords, messages } = start(
      chord([inner, signature('c')], signature('z', { task_id: 'outer-body' })),
      [],
      ['outer'],
    )
    expect(chords.map(({ groupId, size }) => [groupId, size])).toEqual([
      ['outer', 2],
      [messages[0]?.group, 1],
    ])
    expect(messages[0]?.embed.chord).toMatchObject({
      options: {
        task_id: 'inner-body',
        group_id: 'outer',
        group_index: 0,
        chord: { options: { task_id: 'outer-body' } },
      },
    })
  })

  it('has a chain in a header count with its last step', () => {
    const header = [chain(signature('a'), signature('b')), signature('c')]
    const [a, c] = start(chord(header, signature('z'))).messages
    expect([a?.group, a?.embed.chord]).toEqual([null, null])
    expect(a?.embed.chain).toMatchObject([{ options: { group_id: c?.group, group_index: 0, chord: { task: 'z' } } }])
    expect(c?.groupIndex).toBe(1)
  })

  it('makes chords of the groups in a chain that something follows', () => {
    const steps = chain(group(signature('a'), signature('b')), group(signature('c'), signature('d')), signature('e'))
    const { messages, chords } = start(steps)
    expect(messages.map(({ task }) => task)).toEqual(['a', 'b'])
    expect(chords).toHaveLength(1)
    expect(messages[0]?.embed.chord).toMatchObject({
      subtask_type: 'chord',
      kwargs: { header: { kwargs: { tasks: [{ task: 'c' }, { task: 'd' }] } }, body: { task: 'e' } },
    })
  })

  it('goes on after its body with the rest of a chain, whose callbacks and errbacks are those of the last step', () => {
    const steps = composed(
      'chain',
      { tasks: [chord([signature('a')], signature('b')), signature('c')] },
      { link: [signature('l')], link_error: [signature('e')] },
    )
    const [a] = start(steps).messages
    expect(a?.embed).toMatchObject({ callbacks: null, errbacks: null, chain: null })
    expect(a?.embed.chord).toMatchObject({
      task: 'b',
      options: { link_error: [{ task: 'e' }], chain: [{ task: 'c', options: { link: [{ task: 'l' }] } }] },
    })
  })

  it('makes a chord of a body that is a group and goes on', () => {
    const body = group(signature('b'), signature('c'))
    const steps = chain(chord([signature('a')], body), signature('d'))
    const [a] = start(steps).messages
    const { messages } = bodyOfChord(a?.embed.chord ?? null, [1], aTaskMessage(), ground())
    expect(messages.map(({ task }) => task)).toEqual(['b', 'c'])
    expect(messages.map(sent)[0]?.embed).toMatchObject({ chain: null, chord: { task: 'd' } })
  })

  it('keeps the form of a header with groups in it', () => {
    const header = [
      chain(signature('a'), group(signature('b', { task_id: 'b' }), signature('c', { task_id: 'c' }))),
      signature('d', { task_id: 'd' }),
    ]
    const [known] = start(chord(header, signature('z'))).chords
    const parts = ['d', 'b', 'c'].map((id) => record(id, id.toUpperCase()))
    expect(joinChord({ parts, shape: known?.shape ?? null })).toEqual({ kind: 'results', results: [['B', 'C'], 'D'] })
  })
})

const record = (taskId: string, result: Json): ResultRecord => ({
  taskId,
  state: 'SUCCESS',
  result,
  traceback: null,
  children: [],
})
const failure = (taskId: string, error: RemoteError | null): ResultRecord => ({
  taskId,
  state: 'FAILURE',
  error,
  traceback: null,
  children: [],
})
const boom: RemoteError = { type: 'ValueError', module: 'builtins', args: ['boom', 42], traceback: null }

describe('joining a chord', () => {
  it('hands the results on in the order of the header', () => {
    expect(joinChord({ parts: [record('a', 1), record('b', null)], shape: null })).toEqual({
      kind: 'results',
      results: [1, null],
    })
  })

  it.each<[string, ResultRecord, string]>([
    ['failed', failure('a', boom), "Dependency a raised ValueError('boom', 42)"],
    [
      'was revoked',
      { ...failure('a', celeryError('TaskRevokedError', ['expired'])), state: 'REVOKED' } as ResultRecord,
      "Dependency a raised TaskRevokedError('expired')",
    ],
    ['failed without an error', failure('a', null), 'Dependency a raised None'],
  ])('names the task that %s', (_title, part, message) => {
    expect(joinChord({ parts: [record('b', 1), part], shape: null })).toEqual({
      kind: 'failed',
      error: celeryError('ChordError', [message]),
    })
  })

  it('says in Celery’s words why the body of a header with groups does not run, or can not be sent', () => {
    const shape = [['g', null], [[['a', null], null]]] as const
    expect(joinChord({ parts: [failure('a', boom)], shape })).toMatchObject({
      error: { args: ["Join error: ValueError('boom', 42)"] },
    })
    expect(joinChord({ parts: [record('x', 1)], shape })).toMatchObject({
      error: { args: ["Join error: KeyError('a')"] },
    })
    expect(callbackError(boom).args).toEqual(["Callback error: ValueError('boom', 42)"])
  })
})

describe('who is told that a chord failed', () => {
  it('counts the last step of an abandoned chain for the chord around it', () => {
    const last = signature('b', {
      task_id: 'b',
      group_id: 'g',
      group_index: 3,
      chord: signature('z', { task_id: 'z' }),
    })
    const message = aTaskMessage({ embed: { callbacks: null, errbacks: null, chord: null, chain: [last] } })
    expect(abandonedBy(message)).toMatchObject([{ id: 'b', group: 'g', groupIndex: 3, chord: { task: 'z' } }])
  })

  it('counts the body of an abandoned chord, and not its header', () => {
    const outer = signature('z', { task_id: 'z' })
    const body = signature('b', { task_id: 'b', group_id: 'g', chord: outer })
    const header = group(signature('a', { task_id: 'a', group_id: 'inner', chord: body }))
    const step = chord(header, body, { task_id: 'inner' })
    const message = aTaskMessage({ embed: { callbacks: null, errbacks: null, chord: null, chain: [step] } })
    expect(abandonedBy(message).map(({ id, chord }) => [id, chord])).toEqual([['inner', null], ['a', null], ['b', outer]]) // biome-ignore format: one row
  })

  it('tells the body, whatever it is made of, and what was to follow it', () => {
    const body = chain(
      signature('b', { task_id: 'b' }),
      group(signature('c', { task_id: 'c' }), signature('d', { task_id: 'd' })),
    )
    const told = abandonedWith({
      ...(body as object),
      options: { chain: [signature('e', { task_id: 'e' })] },
    } as Json)
    expect(told.map(({ id }) => id)).toEqual(['b', 'c', 'd', 'e'])
  })

  it('calls the errbacks of a task, of each member of a group, and those of a chain once', () => {
    const errback = signature('eb')
    const own = (id: string) => signature('t', { task_id: id, link_error: [errback] })
    expect(failedWithChord(own('a'))).toEqual([{ id: 'a', rootId: 'a', errbacks: [errback] }])
    expect(failedWithChord(group(own('a'), own('b'))).map(({ id }) => id)).toEqual(['a', 'b'])
    expect(failedWithChord(chain(own('a'), own('b'), signature('c', { task_id: 'c' })))).toEqual([
      { id: 'c', rootId: 'c', errbacks: [errback] },
    ])
    expect(failedWithChord(chord([own('a')], own('b'))).map(({ id }) => id)).toEqual(['b'])
    expect(failedWithChord(parseJson('{"x": 1}'))).toEqual([])
  })

  it('looks once at each of many chains in one another', () => {
    const step = signature('t', { task_id: 'a', link_error: [signature('eb')] })
    const nested = Array.from({ length: 80 }).reduce<Json>((inner) => chain(inner), step)
    expect(failedWithChord(nested)).toEqual([{ id: 'a', rootId: 'a', errbacks: [signature('eb')] }])
  })
})
