import { randomUUID } from 'node:crypto'
import { TwqError } from '../errors.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { ReadingParts, ResultReader } from './reader.ts'
import type { Replies } from './replies.ts'
import { ResultFeed } from './result-feed.ts'

/** Opens the reader, which calls the functions of the parts. */
export type OpenReader = (parts: Pick<ReadingParts, 'onRecord' | 'onWatched' | 'onFailed'>) => ResultReader

/**
 * Follows tasks whose results workers, Python's or ours, keep where a {@link ResultReader} reads them. Nothing is read before
 * the first listener. A task with a listener is watched first, so that nothing is missed, and is then read.
 */
export class KeptReplies implements Replies, AsyncDisposable {
  /** As Python's clients, whose workers may still be asked to reply somewhere. */
  readonly name = randomUUID()
  /** Results are kept with or without listeners. */
  readonly isOpen = true
  readonly carriesChords = false
  readonly reader: ResultReader
  /** The feeds with a listener, by task. */
  readonly #followed = new Map<string, Set<ResultFeed>>()

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
        const [found] = await this.reader.read([taskId])
        if (found !== undefined) tell(feed, found)
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

  /** Breaks all feeds with `TWQ_CLOSED` and closes the reader. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#break([...this.#followed.keys()], new TwqError('TWQ_CLOSED', 'the client was closed'))
    await this.reader[Symbol.asyncDispose]()
  }

  #join(taskId: string, feed: ResultFeed): void {
    const feeds = this.#followed.get(taskId)
    if (feeds !== undefined) {
      feeds.add(feed)
      // It is watched, or about to be: only what was stored before is missing.
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
    for (const feed of [...(this.#followed.get(taskId) ?? [])]) tell(feed, found)
  }

  async #catchUp(taskIds: readonly string[]): Promise<void> {
    if (taskIds.length === 0) return
    try {
      const found = await this.reader.read(taskIds)
      for (const [index, taskId] of taskIds.entries()) {
        const one = found[index]
        if (one !== undefined) this.#receive(taskId, one)
      }
    } catch (error) {
      // Where nothing is heard either, the tasks are watched anew once it is, and read again.
      if (this.reader.trouble === undefined) this.#break(taskIds, error as Error)
    }
  }

  #break(taskIds: readonly string[], error: Error): void {
    for (const taskId of taskIds) this.#receive(taskId, error)
  }
}

function tell(feed: ResultFeed, found: ResultRecord | Error): void {
  if (found instanceof Error) feed.break(found)
  else feed.push(found)
}
