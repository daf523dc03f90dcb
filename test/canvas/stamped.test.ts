import { describe, expect, it } from 'vitest'
import { applySignature } from '../../src/canvas/apply.ts'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { stampedReplacement } from '../../src/canvas/stamped.ts'
import { aTaskMessage } from '../support/a-task-message.ts'
import { stampsIn } from './stamps-in.ts'

const marks = { customer: 'acme' }

describe('stamps', () => {
  it('go on every task of a workflow, and on what is linked to them', () => {
    const linked = signature('a', [], { link: signature('linked'), linkError: signature('errback') })
    const whole = chain(group(linked, signature('b')), signature('c'), chord([signature('d')], signature('e')))
    const each = ['a', 'b', 'c', 'd', 'e', 'linked', 'errback'].map((task) => [task, marks])
    expect(stampsIn(whole.stamp(marks))).toEqual(Object.fromEntries(each))
    expect(stampsIn(whole.set({ stamps: marks }))).toEqual(Object.fromEntries(each))
    expect(Object.values(stampsIn(whole))).toEqual(each.map(() => undefined))
  })

  it('are added to those there are; a new value takes the place of an old one', () => {
    const twice = signature('a')
      .stamp({ customer: 'acme', batch: [1] })
      .stamp({ batch: [2, 3], urgent: true })
    expect(stampsIn(twice)).toEqual({ a: { customer: 'acme', batch: [2, 3], urgent: true } })
  })

  it.each([{ queue: 'a' }, { stamps: 'a' }, { '': 'a' }, { a: {} as never }, { a: null as never }, { a: Number.NaN }])(
    'can not be %j',
    (stamps) => {
      expect(() => signature('a').stamp(stamps)).toThrow(/signature option stamps must be an object of texts/)
    },
  )

  it('of a replacement go on what follows the replaced task, too', () => {
    const json = (task: string) => signature(task).toJSON()
    const embed = { callbacks: [json('callback')], errbacks: [json('errback')], chain: [json('last')], chord: null }
    const [standIn, message] = stampedReplacement({ signature: json('other'), stamps: marks }, aTaskMessage({ embed }))
    expect(stampsIn(standIn)).toEqual({ other: marks })
    const { callbacks, errbacks, chain: rest } = message.embed
    const followers = [...(callbacks ?? []), ...(errbacks ?? []), ...(rest ?? [])]
    expect(followers.map((follower) => stampsIn(follower))).toEqual([
      { callback: marks },
      { errback: marks },
      { last: marks },
    ])
  })

  it('of a group that replaces a task go on what collects its results, too', () => {
    const signatures = group(signature('a'), signature('b')).toJSON()
    const [standIn] = stampedReplacement({ signature: signatures, stamps: marks }, aTaskMessage())
    expect(stampsIn(standIn)).toEqual({ a: marks, b: marks, 'celery.accumulate': marks })
  })

  it('are headers of the message, as Celery writes them', () => {
    const address = () => ({ queue: 'q', route: { exchange: '', routingKey: 'q' }, priority: undefined })
    const ground = { newId: () => 'id', now: 0, origin: 'gen1@host', address }
    const { messages } = applySignature(signature('a').stamp(marks).toJSON(), { args: [], options: {} }, ground)
    const [sent] = messages
    expect(sent?.outgoing.message.headers).toMatchObject({ stamped_headers: ['customer'], stamps: marks })
  })
})
