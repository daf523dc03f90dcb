import { describe, expect, it } from 'vitest'
import { type DeliveryFacts, judge, mayBeNacked, type Verdict } from '../../src/worker/suspicion.ts'

const fresh: DeliveryFacts = {
  lane: 'tasks',
  redelivered: false,
  returns: undefined,
  startedBefore: false,
  marked: 0,
  survived: false,
}

describe('a message from a task queue', () => {
  const table: readonly [string, Partial<DeliveryFacts>, Verdict][] = [
    ['that is new, runs', {}, { kind: 'run' }],
    ['that came back once to a classic queue, is marked', { redelivered: true }, { kind: 'mark', starts: 1 }],
    ['that is marked, runs', { marked: 1 }, { kind: 'run' }],
    ['that is marked and came back, is a suspect', { marked: 1, redelivered: true }, { kind: 'suspect', starts: 2 }],
    ['that came back once to a quorum queue, runs', { redelivered: true, returns: 1 }, { kind: 'run' }],
    [
      'that came back twice to a quorum queue, is a suspect',
      { redelivered: true, returns: 2 },
      { kind: 'suspect', starts: 2 },
    ],
    [
      'that is marked and came back to a quorum queue, is a suspect',
      { marked: 1, redelivered: true, returns: 1 },
      { kind: 'suspect', starts: 2 },
    ],
    ['that a quorum queue does not count as returned, runs', { redelivered: true, returns: 0 }, { kind: 'run' }],
    ['with a count that is only left over from another queue, runs', { returns: 7 }, { kind: 'run' }],
    [
      'that came back often, still gets a start among the suspects',
      { redelivered: true, returns: 19 },
      { kind: 'suspect', starts: 2 },
    ],
  ]
  it.each(table)('%s', (_title, facts, verdict) => {
    expect(judge({ ...fresh, ...facts }, 3)).toEqual(verdict)
  })

  it('is held nothing against when it came back to the very process that had lost its channel', () => {
    const survived = { ...fresh, redelivered: true, survived: true }
    expect(judge(survived, 3)).toEqual({ kind: 'run' })
    expect(judge({ ...survived, marked: 1 }, 3)).toEqual({ kind: 'run' })
    expect(judge({ ...survived, returns: 2 }, 3)).toEqual({ kind: 'run' })
    expect(judge({ ...survived, lane: 'suspects', marked: 2 }, 3)).toEqual({ kind: 'suspect', starts: 2 })
  })

  it('becomes a suspect at once where it may start only twice', () => {
    expect(judge({ ...fresh, redelivered: true }, 2)).toEqual({ kind: 'suspect', starts: 1 })
  })
})

describe('a message from the suspects', () => {
  const suspect: DeliveryFacts = { ...fresh, lane: 'suspects', marked: 2 }

  it('runs when it is delivered for the first time', () => {
    expect(judge(suspect, 3)).toEqual({ kind: 'run' })
  })

  it('is quarantined when it comes back, since delivered meant started', () => {
    expect(judge({ ...suspect, redelivered: true }, 3)).toEqual({ kind: 'quarantine', starts: 3 })
  })

  it('gets another start there where more are allowed', () => {
    expect(judge({ ...suspect, redelivered: true }, 4)).toEqual({ kind: 'suspect', starts: 3 })
    expect(judge({ ...suspect, marked: 3, redelivered: true }, 4)).toEqual({ kind: 'quarantine', starts: 4 })
  })
})

describe.each([
  ['classic', false],
  ['quorum', true],
])('a killer on a %s queue', (_type, counts) => {
  it.each([2, 3, 5])('starts %i times where so many are allowed', (maxStarts) => {
    expect(lifeOf({ counts, maxStarts, dies: () => true })).toEqual({ starts: maxStarts, end: 'quarantine' })
  })

  it('is spared when it dies beside others twice and then ends', () => {
    expect(lifeOf({ counts, maxStarts: 3, dies: (start) => start < 3 })).toEqual({ starts: 3, end: 'done' })
  })
})

describe('a message that goes back without having run', () => {
  it.each<[string, Partial<DeliveryFacts>, boolean]>([
    ['is nacked when it is new', {}, true],
    ['is nacked again on a classic queue, whose bit is set already', { redelivered: true }, true],
    ['is not nacked when it is marked: the next return would make it a suspect', { marked: 1 }, false],
    ['is not nacked on a quorum queue that has counted once', { redelivered: true, returns: 1 }, false],
    ['is never nacked among the suspects', { lane: 'suspects', marked: 2 }, false],
  ])('%s', (_title, facts, expected) => {
    expect(mayBeNacked({ ...fresh, ...facts })).toBe(expected)
  })
})

/** Follows a message through deliveries until it is settled or quarantined. */
function lifeOf(options: { counts: boolean; maxStarts: number; dies: (start: number) => boolean }) {
  let facts = fresh
  for (let starts = 0; ; ) {
    const verdict = judge(facts, options.maxStarts)
    switch (verdict.kind) {
      case 'run': {
        starts += 1
        if (!options.dies(starts)) return { starts, end: 'done' }
        const returns = options.counts && facts.lane === 'tasks' ? (facts.returns ?? 0) + 1 : undefined
        facts = { ...facts, redelivered: true, returns }
        break
      }
      case 'mark':
        facts = { ...fresh, marked: verdict.starts }
        break
      case 'suspect':
        facts = { ...fresh, lane: 'suspects', marked: verdict.starts }
        break
      case 'quarantine':
        return { starts, end: 'quarantine' }
    }
  }
}
