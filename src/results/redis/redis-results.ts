import type { Redis } from 'ioredis'
import { parseJson } from '../../protocol/json.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import { decodeResult, type ExtendedMeta, encodeMeta } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import { isObject } from '../../protocol/task-fields.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { ResultBackend, ResultOwner } from '../backend.ts'
import { RedisChords } from './redis-chords.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { RedisKeys } from './redis-keys.ts'
import { isScriptRefusal, storeFirst } from './redis-scripts.ts'
import { transaction } from './redis-transaction.ts'

/** The parts of `RedisResults`. */
export interface RedisResultsParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  /** Milliseconds that a result is kept; 0 means for ever. */
  readonly expires: number
  /** Celery's `result_extended`: results also contain the task as sent, and its worker. */
  readonly extended: boolean
  readonly node: string
  readonly clock: Clock
}

// Milliseconds that storing a non-final state is retried: the task continues meanwhile.
const PASSING = 1_000

// One command may revoke thousands of tasks: other results are stored in between.
const REVOKED_AT_ONCE = 100

/** Stores each task's latest state under a key and publishes it to subscribers (wire specification 4.4). */
export class RedisResults implements ResultBackend {
  readonly kind = 'redis'
  readonly #parts: RedisResultsParts
  readonly chord: RedisChords
  /** The writes in progress, by key, which keep the states of one task in order. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #pendingBytes = 0
  /** Whether the server accepts scripts, as far as known. */
  #scripts = true

  constructor(parts: RedisResultsParts) {
    this.#parts = parts
    this.chord = new RedisChords(parts)
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  get service(): RedisConnection {
    return this.#parts.connection
  }

  /** A final state is retried as long as the connection allows; another may be `dropped`. */
  async store(record: ResultRecord, owner: ResultOwner, routingKey?: string): Promise<'stored' | 'dropped'> {
    const { keys, clock, extended } = this.#parts
    const final = isFinal(record)
    const value = encodeMeta(record, {
      dateDone: final ? clock.now() : undefined,
      groupId: owner.group,
      parentId: owner.parentId,
      extended: extended ? this.#extendedMeta(owner, routingKey) : undefined,
    })
    const key = keys.task(record.taskId)
    if (final) {
      this.#pendingBytes += value.length
      try {
        await this.#inTurn(key, () => this.#write(key, value))
      } finally {
        this.#pendingBytes -= value.length
      }
      return 'stored'
    }
    if (!this.#parts.connection.connected) return 'dropped'
    return await this.#inTurn(key, () => this.#write(key, value, PASSING)).then(
      () => 'stored' as const,
      () => 'dropped' as const,
    )
  }

  async storeRevoked(ids: readonly string[]): Promise<void> {
    for (let start = 0; start < ids.length; start += REVOKED_AT_ONCE) {
      const some = ids.slice(start, start + REVOKED_AT_ONCE)
      await Promise.all(some.map((id) => this.store(revokedRecord(id), { id, replyTo: '', correlationId: id })))
    }
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    if (ids.length === 0) return []
    const texts = await this.#parts.connection.mget(ids.map((id) => this.#parts.keys.task(id)))
    return texts.map((text) => (text === null ? undefined : decodeResult(text)))
  }

  #write(key: string, value: string, within?: number): Promise<void> {
    return this.#parts.connection.call(
      (client) => this.#writeOnce(client, key, value),
      within === undefined ? {} : { within },
    )
  }

  /** A success is never overwritten, and readers get every state, as in Celery, which reads and writes in separate commands. */
  async #writeOnce(client: Redis, key: string, value: string): Promise<void> {
    const { expires } = this.#parts
    const seconds = expires === 0 ? 0 : Math.max(1, Math.floor(expires / 1000))
    if (this.#scripts && (await this.#storeFirst(client, key, value, seconds))) return
    const kept = await client.get(key).catch(whenOfAnotherType)
    if (kept !== null && isSuccess(kept)) return
    const set = seconds === 0 ? (['SET', key, value] as const) : (['SETEX', key, seconds, value] as const)
    await transaction(client, [set, ['PUBLISH', key, value]])
  }

  /**
   * Most states are the first of their task: one script stores and publishes those. False if there is an earlier state, or
   * scripts are not accepted.
   */
  async #storeFirst(client: Redis, key: string, value: string, seconds: number): Promise<boolean> {
    try {
      return await storeFirst(client, key, value, seconds)
    } catch (error) {
      if (!isScriptRefusal(error)) throw error
      this.#scripts = false
      return false
    }
  }

  async #inTurn<T>(key: string, write: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key)
    const turn = before === undefined ? write() : before.then(write, write)
    this.#turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    }
  }

  #extendedMeta(owner: ResultOwner, routingKey: string | undefined): ExtendedMeta | undefined {
    const { task, args, kwargs, retries, stampedHeaders = null, stamps = {} } = owner
    if (task === undefined || args === undefined || kwargs === undefined || retries === undefined) return undefined
    return {
      name: task,
      args,
      kwargs,
      worker: this.#parts.node,
      retries,
      queue: routingKey ?? null,
      stampedHeaders,
      stamps,
    }
  }
}

/** As Celery 5.6 writes it on a revoke. */
function revokedRecord(taskId: string): ResultRecord {
  const error = celeryError('TaskRevokedError', ['revoked'])
  return { taskId, state: 'REVOKED', traceback: null, children: [], error }
}

/** A value of another type counts as no result: SET overwrites it. */
function whenOfAnotherType(error: Error): null {
  if (error.message.startsWith('WRONGTYPE')) return null
  throw error
}

function isSuccess(stored: string): boolean {
  try {
    const meta = parseJson(stored)
    return isObject(meta) && meta.status === 'SUCCESS'
  } catch {
    return false
  }
}
