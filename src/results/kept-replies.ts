import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { isFinal, type ResultRecord } from '../protocol/result-record.ts'
import { clientClosed } from './client-closed.ts'
import type { ReadingParts, ResultReader } from './reader.ts'
import type { Replies } from './replies.ts'
import { ResultFeed } from './result-feed.ts'

/** Opens the reader, which calls the functions of the parts. */
export type OpenReader = (parts: Pick<ReadingParts, 'onRecord' | 'onWatched' | 'onFailed'>) => ResultReader

/**
 * Follows tasks whose results workers (Python's or ours) store where a {@link ResultReader} can read them. Nothing is read before
 * the first listener. For a task with a listener, watching starts before the first read, so that no state is missed.
 */
export class KeptReplies implements Replies, AsyncDisposable {
  /** As Python's clients do: their workers may still be configured to reply there. */
  readonly name = randomUUID()
  /** Results are stored with or without listeners. */
  readonly isOpen = true
  readonly carriesChords = false
  readonly reader: ResultReader
  /** The feeds with a listener, by task. */
  readonly #followed = new Map<string, Set<ResultFeed>>()
  /** Records that were read, not pushed. */
  readonly #read = new WeakSet<ResultRecord>()

  constructor(open: OpenReader) {
    this.reader = open({
      onRecord: (taskId, record) => this.#receive(taskId, record),
      onWatched: (taskIds) => void this.#catchUp(taskIds.filter((taskId) => this.#followed.has(taskId))),
      onFailed: (taskIds, error) => this.#break(taskIds, error),
    })
  }

  async open(): Promise<void> {}

  follow(taskId: string): ResultFeed {
    const feed: ResultFeed = new ResultFeed({
      follow: () => this.#join(taskId, feed),
      leave: () => this.#part(taskId, feed),
      look: async () => {
        const known = feed.latest
        const [found] = await this.reader.read([taskId])
        if (found !== undefined) this.#tellRead(feed, found, known)
      },
      trouble: () => this.reader.trouble,
    })
    return feed
  }

  forget(): void {}

  find(taskId: string): ResultFeed {
    return this.follow(taskId)
  }

  drop(taskId: string): Promise<void> {
    return this.reader.drop(taskId)
  }

  async leave(): Promise<void> {}

  /** Ends all feeds with `TWQ_CLOSED` and closes the reader. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#break([...this.#followed.keys()], clientClosed())
    await this.reader[Symbol.asyncDispose]()
  }

  #join(taskId: string, feed: ResultFeed): void {
    const feeds = this.#followed.get(taskId)
    if (feeds !== undefined) {
      feeds.add(feed)
      // It is watched, or about to be: only earlier states are missing.
      void this.#catchUp([taskId])
      return
    }
    this.#followed.set(taskId, new Set([feed]))
    this.reader.watch(taskId)
  }

  #part(taskId: string, feed: ResultFeed): void {
    const feeds = this.#followed.get(taskId)
    if (feeds === undefined || !feeds.delete(feed) || feeds.size > 0) return
    this.#followed.delete(taskId)
    this.reader.unwatch(taskId)
  }

  #receive(taskId: string, found: ResultRecord | Error): void {
    for (const feed of this.#feedsOf(taskId)) {
      const { latest } = feed
      // It was read before it was pushed.
      if (latest !== undefined && this.#read.has(latest) && isPassing(found) && isDeepStrictEqual(found, latest))
        continue
      tell(feed, found)
    }
  }

  /**
   * Tells a feed what was read, if that is news to it: not a state that it knows, nor one that may be older than what was pushed
   * since `known`.
   */
  #tellRead(feed: ResultFeed, found: ResultRecord | Error, known: ResultRecord | undefined): void {
    const { latest } = feed
    if (isPassing(found) && (latest !== known || isDeepStrictEqual(found, latest))) return
    if (!(found instanceof Error)) this.#read.add(found)
    tell(feed, found)
  }

  #feedsOf(taskId: string): readonly ResultFeed[] {
    return [...(this.#followed.get(taskId) ?? [])]
  }

  async #catchUp(taskIds: readonly string[]): Promise<void> {
    if (taskIds.length === 0) return
    const known = taskIds.map((taskId) => this.#feedsOf(taskId).map((feed) => [feed, feed.latest] as const))
    try {
      const found = await this.reader.read(taskIds)
      for (const [index, feeds] of known.entries()) {
        const one = found[index]
        if (one === undefined) continue
        for (const [feed, latest] of feeds) if (feed.hasListeners) this.#tellRead(feed, one, latest)
      }
    } catch (error) {
      // If watching fails, the tasks are watched anew once it works again, and read again.
      if (this.reader.trouble === undefined) this.#break(taskIds, error as Error)
    }
  }

  #break(taskIds: readonly string[], error: Error): void {
    for (const taskId of taskIds) this.#receive(taskId, error)
  }
}

function isPassing(found: ResultRecord | Error): boolean {
  return !(found instanceof Error) && !isFinal(found)
}

function tell(feed: ResultFeed, found: ResultRecord | Error): void {
  if (found instanceof Error) feed.break(found)
  else feed.push(found)
}
