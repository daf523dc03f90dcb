import { describe, expect, it } from 'vitest'
import {
  type DeliveryFacts,
  decideAfterCrash,
  decideStart,
  mayBeNacked,
  type StartDecision,
  startsSoFar,
} from '../../../src/worker/quarantine/poison-policy.ts'

const fresh: DeliveryFacts = {
  source: 'tasks',
  redelivered: false,
  returns: undefined,
  startedBefore: false,
  marked: 0,
  graceUsed: false,
  lostWithConnection: 0,
}

const three = { maxStarts: 3, isolated: true }

describe('a message from a task queue', () => {
  const table: readonly [string, Partial<DeliveryFacts>, StartDecision][] = [
    ['that is new, runs', {}, { kind: 'run' }],
    ['that came back once to a classic queue, is marked', { redelivered: true }, { kind: 'mark', starts: 1 }],
    ['that is marked, runs', { marked: 1 }, { kind: 'run' }],
    [
      'that is marked and came back, is a suspect',
      { marked: 1, redelivered: true },
      { kind: 'suspect', starts: 2, graceUsed: false },
    ],
    [
      'that came back once to a quorum queue, is marked',
      { redelivered: true, returns: 1 },
      { kind: 'mark', starts: 1 },
    ],
    [
      'that came back twice to a quorum queue, is a suspect',
      { redelivered: true, returns: 2 },
      { kind: 'suspect', starts: 2, graceUsed: false },
    ],
    [
      'that is marked and came back to a quorum queue, is a suspect',
      { marked: 1, redelivered: true, returns: 1 },
      { kind: 'suspect', starts: 2, graceUsed: false },
    ],
    [
      'that a quorum queue does not count as returned, is marked, with no start',
      { redelivered: true, returns: 0 },
      { kind: 'mark', starts: 0 },
    ],
    [
      'whose sender wrote a mark and a count, is marked anew when it comes back',
      { marked: 1, redelivered: true, returns: 0 },
      { kind: 'mark', starts: 1 },
    ],
    ['with a count that is only left over from another queue, runs', { returns: 7 }, { kind: 'run' }],
    [
      'that came back often, still gets a start among the suspects',
      { redelivered: true, returns: 19 },
      { kind: 'suspect', starts: 2, graceUsed: false },
    ],
  ]
  it.each(table)('%s', (_title, facts, verdict) => {
    expect(decideStart({ ...fresh, ...facts }, three)).toEqual(verdict)
  })

  it('is held nothing against when it came back to the very process that had lost its channel', () => {
    const survived = { ...fresh, redelivered: true, lostWithConnection: 1 }
    expect(decideStart(survived, three)).toEqual({ kind: 'run' })
    expect(decideStart({ ...survived, marked: 1 }, three)).toEqual({ kind: 'run' })
    expect(decideStart({ ...survived, returns: 1 }, three)).toEqual({ kind: 'run' })
    expect(decideStart({ ...survived, source: 'suspects', marked: 2 }, three)).toEqual({
      kind: 'suspect',
      starts: 2,
      graceUsed: false,
    })
  })

  it('becomes a suspect at once where it may start only twice', () => {
    expect(decideStart({ ...fresh, redelivered: true }, { ...three, maxStarts: 2 })).toEqual({
      kind: 'suspect',
      starts: 1,
      graceUsed: false,
    })
  })
})

describe('a message from the suspects', () => {
  const suspect: DeliveryFacts = { ...fresh, source: 'suspects', marked: 2 }
  const back: DeliveryFacts = { ...suspect, redelivered: true }
  const graceUsed: DeliveryFacts = { ...suspect, graceUsed: true }
  const table: readonly [string, DeliveryFacts, { maxStarts: number; isolated: boolean }, StartDecision][] = [
    ['runs in a process of its own', suspect, three, { kind: 'run' }],
    [
      'is forgiven the end of its worker once: it ran apart from that',
      back,
      three,
      { kind: 'suspect', starts: 2, graceUsed: true },
    ],
    ['runs again when it was forgiven', graceUsed, three, { kind: 'run' }],
    [
      'is quarantined when that happens again: it may take both with it',
      { ...graceUsed, redelivered: true },
      three,
      { kind: 'quarantine', starts: 3 },
    ],
    [
      'gets another start where more are allowed',
      { ...graceUsed, redelivered: true },
      { maxStarts: 4, isolated: true },
      { kind: 'suspect', starts: 3, graceUsed: true },
    ],
    [
      'that has no process of its own, is answerable before it runs',
      suspect,
      { maxStarts: 3, isolated: false },
      { kind: 'suspect', starts: 2, graceUsed: true },
    ],
    ['that has none, runs when it is answerable', graceUsed, { maxStarts: 3, isolated: false }, { kind: 'run' }],
    [
      'that came back twice to a quorum queue without being copied, is forgiven one of them',
      { ...back, returns: 2 },
      three,
      { kind: 'quarantine', starts: 3 },
    ],
    [
      'that a quorum queue does not count as returned, is held nothing against',
      { ...graceUsed, redelivered: true, returns: 0 },
      three,
      { kind: 'suspect', starts: 2, graceUsed: true },
    ],
    [
      'that only lost its channel is not answerable for that',
      { ...back, lostWithConnection: 1 },
      three,
      { kind: 'suspect', starts: 2, graceUsed: false },
    ],
    [
      'that an earlier version counted too often, is forgiven all the same',
      { ...back, marked: 3 },
      three,
      { kind: 'suspect', starts: 3, graceUsed: true },
    ],
  ]
  it.each(table)('%s', (_title, facts, policy, verdict) => {
    expect(decideStart(facts, policy)).toEqual(verdict)
  })

  it('keeps what is known of it when it is given back', () => {
    expect(startsSoFar(suspect)).toEqual({ starts: 2, graceUsed: false })
    expect(startsSoFar(back)).toEqual({ starts: 2, graceUsed: true })
    expect(startsSoFar({ ...graceUsed, redelivered: true })).toEqual({ starts: 3, graceUsed: true })
  })
})

describe('a suspect whose own process died', () => {
  const suspect: DeliveryFacts = { ...fresh, source: 'suspects', marked: 2 }
  const table: readonly [string, Partial<DeliveryFacts>, { maxStarts: number; started: boolean }, StartDecision][] = [
    ['is quarantined when it had started', {}, { maxStarts: 3, started: true }, { kind: 'quarantine', starts: 3 }],
    [
      'gets another start where more are allowed',
      {},
      { maxStarts: 4, started: true },
      { kind: 'suspect', starts: 3, graceUsed: false },
    ],
    [
      'is forgiven once when it had not started, or nobody heard of it',
      {},
      { maxStarts: 3, started: false },
      { kind: 'suspect', starts: 2, graceUsed: true },
    ],
    [
      'is quarantined when that happens again',
      { graceUsed: true },
      { maxStarts: 3, started: false },
      { kind: 'quarantine', starts: 3 },
    ],
  ]
  it.each(table)('%s', (_title, facts, policy, verdict) => {
    expect(decideAfterCrash({ ...suspect, ...facts }, policy)).toEqual(verdict)
  })
})

describe.each([
  ['classic', false],
  ['quorum', true],
])('a killer on a %s queue', (_type, counts) => {
  const killer = { counts, isolated: true, dies: () => 'its process' as const }

  it.each([2, 3, 5])('starts %i times where so many are allowed', (maxStarts) => {
    expect(lifeOf({ ...killer, maxStarts })).toEqual({ starts: maxStarts, end: 'quarantine' })
  })

  it.each([2, 3, 5])('starts %i times where so many are allowed and none has a process of its own', (maxStarts) => {
    const life = lifeOf({ ...killer, maxStarts, isolated: false, dies: () => 'its worker' })
    expect(life).toEqual({ starts: maxStarts, end: 'quarantine' })
  })

  it('that takes its worker with it, whatever process it runs in, starts once more', () => {
    expect(lifeOf({ ...killer, maxStarts: 3, dies: () => 'its worker' })).toEqual({ starts: 4, end: 'quarantine' })
  })

  it('is spared when it dies beside others twice and then ends', () => {
    const life = lifeOf({ ...killer, maxStarts: 3, dies: (start) => (start < 3 ? 'its worker' : 'nobody') })
    expect(life).toEqual({ starts: 3, end: 'done' })
  })
})

describe('a message that goes back without having run', () => {
  it.each<[string, Partial<DeliveryFacts>, boolean]>([
    ['is nacked when it is new', {}, true],
    ['is nacked again on a classic queue, whose bit is set already', { redelivered: true }, true],
    ['is not nacked when it is marked: the next return would make it a suspect', { marked: 1 }, false],
    ['is not nacked on a quorum queue that has counted once', { redelivered: true, returns: 1 }, false],
    ['is never nacked among the suspects', { source: 'suspects', marked: 2 }, false],
  ])('%s', (_title, facts, expected) => {
    expect(mayBeNacked({ ...fresh, ...facts })).toBe(expected)
  })
})

/** Follows a message through deliveries until it is settled or quarantined. */
function lifeOf(options: {
  readonly counts: boolean
  readonly maxStarts: number
  readonly isolated: boolean
  readonly dies: (start: number) => 'its process' | 'its worker' | 'nobody'
}) {
  let facts = fresh
  for (let starts = 0; ; ) {
    let verdict = decideStart(facts, options)
    if (verdict.kind === 'run') {
      starts += 1
      const victim = options.dies(starts)
      if (victim === 'nobody') return { starts, end: 'done' }
      const alone = facts.source === 'suspects' && options.isolated
      if (victim === 'its worker' || !alone) {
        const returns = options.counts ? (facts.returns ?? 0) + 1 : undefined
        facts = { ...facts, redelivered: true, returns }
        continue
      }
      verdict = decideAfterCrash(facts, { ...options, started: true })
    }
    switch (verdict.kind) {
      case 'mark':
        facts = { ...fresh, marked: verdict.starts }
        break
      case 'suspect':
        facts = { ...fresh, source: 'suspects', marked: verdict.starts, graceUsed: verdict.graceUsed }
        break
      case 'quarantine':
        return { starts, end: 'quarantine' }
    }
  }
}
