import { messageOf, TwqError } from '../../errors.ts'
import { decodeResult } from '../../protocol/result/result.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import type { BuiltInReadingParts } from '../definition.ts'
import type { ResultReader } from '../reader.ts'
import type { RedisAddress } from './redis-address.ts'
import { RedisChords } from './redis-chords.ts'
import { RedisConnection } from './redis-connection.ts'
import { type RedisKeys, redisKeys } from './redis-keys.ts'
import { RedisSubscriptions } from './redis-subscriptions.ts'

// In milliseconds: as long as Celery keeps results.
const CHORDS_EXPIRE = 86_400_000
// How long closing may take, in milliseconds.
const CLOSING_TIME = 2_000

/**
 * Reads results that workers (Python's or ours) store in Redis (wire specification 4.4): over one connection for commands, and
 * one subscribed to the keys of the watched tasks.
 */
export class RedisReader implements ResultReader {
  /** Registers chords for the workers that join them, and stores groups. */
  readonly chords: RedisChords
  readonly groups: RedisChords
  readonly #keys: RedisKeys
  readonly #largest: number | undefined
  readonly #asking: RedisConnection
  readonly #listening: RedisConnection
  readonly #subscriptions: RedisSubscriptions

  constructor(address: RedisAddress, parts: BuiltInReadingParts) {
    const { patience, clock, logger, onRecord, onWatched, onFailed } = parts
    const connection = (name: string) => new RedisConnection({ address, name, patience, clock, logger })
    this.#keys = redisKeys(parts.keyPrefix)
    this.#largest = parts.largest
    this.#asking = connection(`twq results ${process.pid}`)
    this.chords = new RedisChords({ connection: this.#asking, keys: this.#keys, expires: CHORDS_EXPIRE })
    this.groups = this.chords
    this.#listening = connection(`twq subscriptions ${process.pid}`)
    const start = this.#keys.task('').length
    const taskId = (key: string): string => key.slice(start)
    this.#subscriptions = new RedisSubscriptions({
      connection: this.#listening,
      clock,
      onMessage(key, text) {
        const record = read(taskId(key), text)
        if (record instanceof Error) onFailed([taskId(key)], record)
        else onRecord(taskId(key), record)
      },
      onSubscribed: (keys) => onWatched(keys.map(taskId)),
      onFailed: (keys, error) => onFailed(keys.map(taskId), error),
    })
  }

  get trouble(): string | undefined {
    return this.#listening.trouble
  }

  async read(taskIds: readonly string[]): Promise<readonly (ResultRecord | Error | undefined)[]> {
    const keys = taskIds.map((taskId) => this.#keys.task(taskId))
    if (this.#largest !== undefined) return await this.#readUpTo(this.#largest, taskIds, keys)
    const texts = await this.#asking.mget(keys)
    return texts.map((text, index) => (text === null ? undefined : read(taskIds[index] as string, text)))
  }

  /** At most the limit is fetched of a result. */
  async #readUpTo(
    largest: number,
    taskIds: readonly string[],
    keys: readonly string[],
  ): Promise<readonly (ResultRecord | Error | undefined)[]> {
    const texts = await this.#asking.call((client) => Promise.all(keys.map((key) => client.getrange(key, 0, largest))))
    return texts.map((text, index) => {
      const taskId = taskIds[index] as string
      // `GETRANGE` answers the same for a missing key.
      if (text === '') return undefined
      if (Buffer.byteLength(text) <= largest) return read(taskId, text)
      return new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${taskId} has more than ${largest} bytes`)
    })
  }

  watch(taskId: string): void {
    this.#subscriptions.add(this.#keys.task(taskId))
  }

  unwatch(taskId: string): void {
    this.#subscriptions.remove(this.#keys.task(taskId))
  }

  async drop(taskId: string): Promise<void> {
    await this.#asking.multi([['DEL', this.#keys.task(taskId)]])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.stop()
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await Promise.all([this.#asking.stop({ deadline }), this.#listening.stop({ deadline })])
  }
}

function read(taskId: string, text: string): ResultRecord | Error {
  try {
    return decodeResult(text)
  } catch (cause) {
    return new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${taskId} can't be read: ${messageOf(cause)}`, {
      hint: "Celery's result_serializer must be json",
      cause,
    })
  }
}
