import { TwqError } from '../../errors.ts'
import type { ChordAddition, ChordPart, ChordStart, KeptAddition, ResultTuple } from '../../protocol/chord/chord.ts'
import { parseJson, stringifyJson } from '../../protocol/json.ts'
import { decodeEnding, encodeError } from '../../protocol/result/result.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import type { Json } from '../../runtime/json.ts'
import type { ChordJoin, PartEnded } from '../backend.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { RedisCommand } from './redis-transaction.ts'

/** Where chords are stored, and for how long. */
export interface RedisChordsOptions {
  readonly connection: Pick<RedisConnection, 'get' | 'multi'>
  readonly keys: Pick<RedisKeys, 'group' | 'additions'>
  /** Milliseconds that a chord is kept after its last part; 0 means for ever. */
  readonly expires: number
}

// Sizes are not limited here: Redis and the peers that wrote the parts are trusted, the parts are results, and results are read
// whole.
const LIMITS = { maxSize: Number.POSITIVE_INFINITY, maxDepth: 1_000, maxValues: Number.POSITIVE_INFINITY }

// Counted and stored in one step: if a worker is killed before it has sent the added tasks, the next attempt sends them.
const GROW = `
  local kept = redis.call('HGET', KEYS[1], ARGV[1])
  if kept then return kept end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('INCRBY', KEYS[2], ARGV[3])
  if ARGV[4] ~= '0' then
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[4])
  end
  return ARGV[2]
`

/**
 * Counts the tasks of chords in Redis, under the keys that Celery's workers use (wire specification 4.6): `.j` holds the parts,
 * `.s` their final number, `.t` how many were added. A part that is counted twice, even with another result, counts once.
 */
export class RedisChords implements ChordJoin {
  readonly #connection: RedisChordsOptions['connection']
  readonly #keys: RedisChordsOptions['keys']
  /** In seconds, as Redis expects; undefined for ever. */
  readonly #expires: number | undefined

  constructor({ connection, keys, expires }: RedisChordsOptions) {
    this.#connection = connection
    this.#keys = keys
    this.#expires = expires === 0 ? undefined : Math.max(1, Math.floor(expires / 1000))
  }

  async begin({ groupId, size, shape }: ChordStart): Promise<void> {
    const commands = this.#set(this.#keys.group(groupId, '.s'), String(size))
    if (shape !== null) {
      commands.push(...this.#set(this.#keys.group(groupId), stringifyJson({ result: shape }, { path: 'chord' })))
    }
    await this.#connection.multi(commands)
  }

  /** Stores a group, like Python's `GroupResult.save()` (wire specification 4.5). */
  async saveGroup(group: ResultTuple): Promise<void> {
    const key = this.#keys.group(group[0][0])
    await this.#connection.multi(this.#set(key, stringifyJson({ result: group }, { path: 'group' })))
  }

  /** A stored group; null if there is none. */
  async restoreGroup(groupId: string): Promise<ResultTuple | null> {
    return readShape(await this.#connection.get(this.#keys.group(groupId)))
  }

  /** Deletes a stored group; the results of its members stay. */
  async deleteGroup(groupId: string): Promise<void> {
    await this.#connection.multi([['DEL', this.#keys.group(groupId)]])
  }

  /**
   * The keys of a chord may have another type, or be written by a worker with another `result_serializer`: such a chord can't be
   * joined; it counts as complete, with the reason in place of its parts.
   */
  async partEnded(part: ChordPart): Promise<PartEnded> {
    try {
      return await this.#count(part)
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_RESULT_REFUSED', 'TWQ_MESSAGE_MALFORMED')) throw error
      return { all: { parts: [part.record], shape: null, unreadable: error.message }, additions: [] }
    }
  }

  async #count({ groupId, index, record }: ChordPart): Promise<PartEnded> {
    const [parts, more, size] = [
      this.#keys.group(groupId, '.j'),
      this.#keys.group(groupId, '.t'),
      this.#keys.group(groupId, '.s'),
    ]
    const expires = this.#expires
    const replies = await this.#connection.multi([
      ['ZADD', parts, index ?? '+inf', encodePart(record)],
      ['ZCARD', parts],
      ['GET', more],
      ['GET', size],
      ['HVALS', this.#keys.additions(groupId, record.taskId)],
      ...(expires === undefined ? [] : [parts, more, size].map((key) => ['EXPIRE', key, expires] as const)),
    ])
    const [, count, added, announced, kept] = replies
    const additions = Array.isArray(kept) ? kept.map((value) => readAddition(String(value))) : []
    const waiting = { all: undefined, additions }
    if (announced === null || announced === undefined) return waiting
    const total = readCount(announced) + readCount(added ?? 0)
    if (Number(count) < total) return waiting
    const [members] = await this.#connection.multi([['ZRANGE', parts, 0, -1]])
    const byId = new Map<string, ResultRecord>()
    for (const member of Array.isArray(members) ? members : []) {
      const part = decodePart(String(member))
      if (!byId.has(part.taskId)) byId.set(part.taskId, part)
    }
    // A task that ran twice, with two results, has two members and counts once.
    if (byId.size < total) return waiting
    return { all: { parts: [...byId.values()], shape: await this.restoreGroup(groupId) }, additions }
  }

  async grow({ groupId, taskId, call, size, signature }: ChordAddition): Promise<KeptAddition> {
    const keys = [this.#keys.additions(groupId, taskId), this.#keys.group(groupId, '.t')]
    const value = writeAddition({ call, signature, sent: false })
    const [kept] = await this.#connection.multi([
      ['EVAL', GROW, keys.length, ...keys, call, value, size, this.#expires ?? 0],
    ])
    return readAddition(String(kept))
  }

  async additionSent(addition: Pick<ChordAddition, 'groupId' | 'taskId'>, kept: KeptAddition): Promise<void> {
    const key = this.#keys.additions(addition.groupId, addition.taskId)
    await this.#connection.multi([['HSET', key, kept.call, writeAddition({ ...kept, sent: true })]])
  }

  async forgetAdditions(groupId: string, taskId: string): Promise<void> {
    await this.#connection.multi([['DEL', this.#keys.additions(groupId, taskId)]])
  }

  async forget(groupId: string): Promise<void> {
    await this.#connection.multi(
      (['.j', '.t', '.s'] as const).map((suffix) => ['DEL', this.#keys.group(groupId, suffix)] as const),
    )
  }

  /** As in Celery, the value is also published on a channel of the same name. */
  #set(key: string, value: string): RedisCommand[] {
    const expires = this.#expires
    const write: RedisCommand = expires === undefined ? ['SET', key, value] : ['SETEX', key, expires, value]
    return [write, ['PUBLISH', key, value]]
  }
}

/** `[1, id, state, result]`; the first number is a version. */
function encodePart(record: ResultRecord): string {
  const result = 'error' in record ? encodeError(record.error) : record.result
  return stringifyJson([1, record.taskId, record.state, result], { path: 'part' })
}

function decodePart(text: string): ResultRecord {
  const part = readJson(text, 'a part of the chord')
  const [, id, state, result] = Array.isArray(part) ? part : []
  if (typeof id !== 'string' || typeof state !== 'string') throw unreadable('a part of the chord', text)
  return decodeEnding(id, state, (result ?? null) as Json)
}

function readCount(value: unknown): number {
  const count = Number(value)
  if (!Number.isSafeInteger(count)) throw unreadable('the size of the chord', String(value))
  return count
}

function readJson(text: string, what: string): Json {
  try {
    return parseJson(text, LIMITS)
  } catch (cause) {
    throw unreadable(what, text, cause)
  }
}

function unreadable(what: string, text: string, cause?: unknown): TwqError {
  const said = JSON.stringify(text.slice(0, 100))
  return new TwqError('TWQ_MESSAGE_MALFORMED', `${what} can't be read: ${said}`, {
    hint: 'The workers of a chord need the same result_serializer, json.',
    cause,
  })
}

function writeAddition({ call, signature, sent }: KeptAddition): string {
  return stringifyJson({ call, signature, sent }, { path: 'addition' })
}

function readAddition(text: string): KeptAddition {
  const kept = readJson(text, 'an addition to the chord') as Partial<KeptAddition> | null
  if (typeof kept?.call !== 'string' || kept.signature === undefined) throw unreadable('an addition to the chord', text)
  return { call: kept.call, signature: kept.signature, sent: kept.sent === true }
}

/** The stored group of a header that contains groups: `{"result": [[id, parent], [members]]}`. */
function readShape(text: string | null): ResultTuple | null {
  if (text === null) return null
  const saved = readJson(text, 'the form of the chord') as { readonly result?: unknown } | null
  const tuple = saved?.result
  return Array.isArray(tuple) && Array.isArray(tuple[0]) && Array.isArray(tuple[1])
    ? (tuple as unknown as ResultTuple)
    : null
}
