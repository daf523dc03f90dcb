import { describe, expect, it } from 'vitest'
import type { QueuedMember } from '../../../src/protocol/chord/queued-chord.ts'
import { encodeResult } from '../../../src/protocol/result/result.ts'
import { CollectedChord } from '../../../src/worker/follow-ups/collected-chord.ts'
import { aDelivery, type RecordedDelivery } from '../../support/a-request.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'

function aChord(members: readonly QueuedMember[]): CollectedChord {
  return new CollectedChord(aDelivery(), aTaskMessage(), { groupId: 'g', members, shape: null, body: {}, until: 0 })
}

function aMember(id: string): QueuedMember {
  return { id, rootId: null }
}

function succeeded(taskId: string): RecordedDelivery {
  const body = encodeResult({ taskId, state: 'SUCCESS', result: taskId, traceback: null, children: [] })
  return aDelivery({ body })
}

describe('a chord whose results are collected', () => {
  it('ends with the last result, in the order of its header', () => {
    const chord = aChord(['a', 'b', 'c'].map(aMember))

    expect(chord.take(succeeded('c'))).toBeUndefined()
    expect(chord.take(succeeded('a'))).toBeUndefined()
    const end = chord.take(succeeded('b'))

    expect(end).toMatchObject({ parts: [{ taskId: 'a' }, { taskId: 'b' }, { taskId: 'c' }], lastId: 'b' })
  })

  it('drops results of other tasks, and the second of one', () => {
    const chord = aChord(['a', 'b'].map(aMember))
    const dropped = [succeeded('other'), succeeded('a')]

    chord.take(succeeded('a'))
    for (const result of dropped) expect(chord.take(result)).toBeUndefined()

    expect(dropped.map(({ settlement }) => settlement)).toEqual(['acked', 'acked'])
  })

  it('gives the result of a task that its header names twice to both places', () => {
    const chord = aChord(['a', 'b', 'a'].map(aMember))

    chord.take(succeeded('b'))

    expect(chord.take(succeeded('a'))?.parts.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'a'])
  })

  it('does not go through its header for each result', () => {
    let reads = 0
    const members = Array.from({ length: 1000 }, (_, index) => ({
      get id() {
        reads += 1
        return `${index}`
      },
      rootId: null,
    }))
    const chord = aChord(members)

    const ends = Array.from({ length: 1000 }, (_, index) => chord.take(succeeded(`${index}`)))

    expect(ends.at(-1)?.parts).toHaveLength(1000)
    expect(reads).toBeLessThan(10_000)
  })
})
