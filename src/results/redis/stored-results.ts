import { randomUUID } from 'node:crypto'
import { messageOf, TwqError } from '../../errors.ts'
import { decodeResult } from '../../protocol/result/result.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Replies } from '../replies.ts'
import { ResultFeed } from '../result-feed.ts'
import type { RedisAddress } from './redis-address.ts'
import { RedisChords } from './redis-chords.ts'
import { RedisConnection } from './redis-connection.ts'
import type { RedisKeys } from './redis-keys.ts'
import { RedisSubscriptions } from './redis-subscriptions.ts'

/** Where results are kept, and how long asking for one may take, in milliseconds. */
export interface StoredResultsParts {
  readonly address: RedisAddress
  readonly keys: RedisKeys
  readonly patience: number
  readonly clock: Clock
  readonly logger?: EventLogger | undefined
}

// As long as Celery keeps results, in milliseconds.
const CHORDS_EXPIRE = 86_400_000
// How long closing may take, in milliseconds.
const CLOSING_TIME = 2_000

/**
 * Reads results that workers, Python's or ours, keep in a Redis (wire specification 4.4): of any task.
 * Nothing is read before the first listener. A listener is subscribed first, so that nothing is missed, and
 * is then told what is stored already.
 */
export class StoredResults implements Replies {
  /** As Python's clients, whose workers may still be asked to reply somewhere. */
  readonly name = randomUUID()
  /** Results are kept with or without listeners. */
  readonly isOpen = true
  /** Makes chords known to the workers, which join them there. */
  readonly chords: RedisChords
  readonly #parts: StoredResultsParts
  readonly #asking: RedisConnection
  readonly #listening: RedisConnection
  readonly #subscriptions: RedisSubscriptions
  /** By key: the feeds with a listener. */
  readonly #followed = new Map<string, Set<ResultFeed>>()

  constructor(parts: StoredResultsParts) {
    this.#parts = parts
    const { address, patience, clock, logger } = parts
    const connection = (name: string) => new RedisConnection({ address, name, patience, clock, logger })
    this.#asking = connection(`twq results ${process.pid}`)
    this.chords = new RedisChords({ connection: this.#asking, keys: parts.keys, expires: CHORDS_EXPIRE })
    this.#listening = connection(`twq subscriptions ${process.pid}`)
    this.#subscriptions = new RedisSubscriptions({
      connection: this.#listening,
      clock,
      onMessage: (key, text) => this.#receive(key, text),
      onSubscribed: (keys) => void this.#catchUp(keys),
      onFailed: (keys, error) => this.#break(keys, error),
    })
  }

  async open(): Promise<void> {}

  follow(taskId: string): ResultFeed {
    const key = this.#parts.keys.task(taskId)
    const feed: ResultFeed = new ResultFeed({
      follow: () => this.#join(key, feed),
      leave: () => this.#part(key, feed),
      look: async () => {
        const text = await this.#asking.get(key)
        if (text !== null) tell(feed, taskId, text)
      },
      trouble: () => this.#listening.trouble,
    })
    return feed
  }

  forget(): void {}

  find(taskId: string): ResultFeed {
    return this.follow(taskId)
  }

  async drop(taskId: string): Promise<void> {
    await this.#asking.multi([['DEL', this.#parts.keys.task(taskId)]])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#break([...this.#followed.keys()], new TwqError('TWQ_CLOSED', 'the client was closed'))
    this.#subscriptions.stop()
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await Promise.all([this.#asking.stop({ deadline }), this.#listening.stop({ deadline })])
  }

  #join(key: string, feed: ResultFeed): void {
    const feeds = this.#followed.get(key)
    if (feeds !== undefined) {
      feeds.add(feed)
      // Its channel is subscribed to, or about to be: only what was stored before is missing.
      void this.#catchUp([key])
      return
    }
    this.#followed.set(key, new Set([feed]))
    this.#subscriptions.add(key)
  }

  #part(key: string, feed: ResultFeed): void {
    const feeds = this.#followed.get(key)
    if (feeds === undefined || !feeds.delete(feed) || feeds.size > 0) return
    this.#followed.delete(key)
    this.#subscriptions.remove(key)
  }

  #receive(key: string, text: string): void {
    for (const feed of [...(this.#followed.get(key) ?? [])]) tell(feed, key, text)
  }

  async #catchUp(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    try {
      const texts = await this.#asking.mget(keys)
      for (const [index, text] of texts.entries()) if (text !== null) this.#receive(keys[index] as string, text)
    } catch (error) {
      // Where nothing is heard either, the next subscription asks again.
      if (this.#listening.connected) this.#break(keys, error as Error)
    }
  }

  #break(keys: readonly string[], error: Error): void {
    for (const key of keys) for (const feed of [...(this.#followed.get(key) ?? [])]) feed.break(error)
  }
}

function tell(feed: ResultFeed, what: string, text: string): void {
  try {
    feed.push(decodeResult(text))
  } catch (cause) {
    feed.break(
      new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${what} can't be read: ${messageOf(cause)}`, {
        hint: "Celery's result_serializer must be json",
        cause,
      }),
    )
  }
}
