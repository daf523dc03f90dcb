import { expect, it } from 'vitest'
import type { ResultRecord } from '../../src/protocol/result-record.ts'
import { KeptReplies } from '../../src/results/kept-replies.ts'
import type { ReadingParts, ResultReader } from '../../src/results/reader.ts'
import type { ResultFeed } from '../../src/results/result-feed.ts'
import { type Deferred, deferred } from '../../src/runtime/time/deferred.ts'

function record(state: string, result: number): ResultRecord {
  return { taskId: 't', state, result, traceback: null, children: [] } as ResultRecord
}

/** A reader whose answers, and the states that it is pushed, are given by the test. */
function aReader() {
  const reads: Deferred<readonly ResultRecord[]>[] = []
  let told: Pick<ReadingParts, 'onRecord' | 'onWatched' | 'onFailed'> | undefined
  const reader: ResultReader = {
    read() {
      const read = deferred<readonly ResultRecord[]>()
      reads.push(read)
      return read.promise
    },
    watch: (taskId) => told?.onWatched([taskId]),
    unwatch() {},
    async drop() {},
    async [Symbol.asyncDispose]() {},
  }
  const replies = new KeptReplies((parts) => {
    told = parts
    return reader
  })
  return {
    replies,
    push: (pushed: ResultRecord) => told?.onRecord('t', pushed),
    reconnect: () => told?.onWatched(['t']),
    /** Answers the oldest open read. */
    answer: async (found: ResultRecord) => {
      const read = reads.shift()
      read?.resolve([found])
      await read?.promise
    },
  }
}

function listened(feed: ResultFeed): unknown[] {
  const heard: unknown[] = []
  feed.listen((event) =>
    heard.push(event.kind === 'record' ? (event.record as { result: unknown }).result : event.kind),
  )
  return heard
}

it('tells each state once, whether it is read or pushed first', async () => {
  const { replies, push, answer } = aReader()
  const heard = listened(replies.follow('t'))
  push(record('PROGRESS', 1))
  await answer(record('PROGRESS', 1))
  expect(heard).toEqual([1])
  const later = aReader()
  const heardLater = listened(later.replies.follow('t'))
  await later.answer(record('PROGRESS', 1))
  later.push(record('PROGRESS', 1))
  later.push(record('PROGRESS', 2))
  later.push(record('PROGRESS', 2))
  expect(heardLater).toEqual([1, 2, 2])
})

it('tells nobody an older state that was read after a newer one was pushed', async () => {
  const { replies, push, answer } = aReader()
  const heard = listened(replies.follow('t'))
  push(record('PROGRESS', 2))
  await answer(record('PROGRESS', 1))
  push(record('SUCCESS', 3))
  expect(heard).toEqual([2, 3])
})

it('tells no listener a state again because another one joins, or looks', async () => {
  const { replies, push, answer } = aReader()
  const first = replies.follow('t')
  const heard = listened(first)
  await answer(record('PROGRESS', 1))
  const heardToo = listened(replies.follow('t'))
  await answer(record('PROGRESS', 1))
  const looked = first.look()
  await answer(record('PROGRESS', 1))
  expect(await looked).toMatchObject({ result: 1 })
  push(record('SUCCESS', 2))
  expect([heard, heardToo]).toEqual([
    [1, 2],
    [1, 2],
  ])
})

it('tells what it missed while it was not connected', async () => {
  const { replies, push, reconnect, answer } = aReader()
  const heard = listened(replies.follow('t'))
  push(record('PROGRESS', 1))
  await answer(record('PROGRESS', 1))
  reconnect()
  await answer(record('PROGRESS', 2))
  reconnect()
  push(record('PROGRESS', 3))
  await answer(record('SUCCESS', 4))
  expect(heard).toEqual([1, 2, 3, 4])
})
