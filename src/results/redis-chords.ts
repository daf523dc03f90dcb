import { TwqError } from '../errors.ts'
import type { ChordPart, ChordParts, ChordStart, ResultTuple } from '../protocol/chord.ts'
import { parseJson, stringifyJson } from '../protocol/json.ts'
import { decodeEnding, encodeError } from '../protocol/result.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { Json } from '../runtime/json.ts'
import type { ChordJoin } from './backend.ts'

/** A command by its name, with its arguments. */
type Command = readonly [name: string, ...args: (string | number)[]]

/** The part of a connection to Redis that chords need. */
export interface ChordStore {
  get(key: string): Promise<string | null>
  /** All of the commands, or none, in one transaction; answers with their replies. */
  multi(commands: readonly Command[]): Promise<readonly unknown[]>
}

/** Where chords are kept, and for how long. */
export interface RedisChordsOptions {
  /** What comes before every key: `result_backend_transport_options.global_keyprefix` of Python's side. */
  readonly prefix?: string
  /** Seconds; undefined keeps them for ever. */
  readonly expires: number | undefined
}

// Redis and the peers that wrote the parts are trusted as far as sizes go: they are results, and results are read whole.
const LIMITS = { maxSize: Number.POSITIVE_INFINITY, maxDepth: 1_000, maxValues: Number.POSITIVE_INFINITY }

/**
 * Counts the tasks of chords in Redis, in the keys that Celery's workers count in (wire specification 4.6): `.j` has the
 * parts, `.s` how many there will be, `.t` how many more. A part that is counted twice, with another result even, is one.
 */
export class RedisChords implements ChordJoin {
  readonly #store: ChordStore
  readonly #options: RedisChordsOptions

  constructor(store: ChordStore, options: RedisChordsOptions) {
    this.#store = store
    this.#options = options
  }

  async begin({ groupId, size, shape }: ChordStart): Promise<void> {
    const commands = this.#set(this.#key(groupId, '.s'), String(size))
    if (shape !== null) {
      commands.push(...this.#set(this.#key(groupId), stringifyJson({ result: shape }, { path: 'chord' })))
    }
    await this.#store.multi(commands)
  }

  async partEnded({ groupId, index, record }: ChordPart): Promise<'waiting' | ChordParts> {
    const [parts, more, size] = [this.#key(groupId, '.j'), this.#key(groupId, '.t'), this.#key(groupId, '.s')]
    const { expires } = this.#options
    const replies = await this.#store.multi([
      ['ZADD', parts, index ?? '+inf', encodePart(record)],
      ['ZCARD', parts],
      ['GET', more],
      ['GET', size],
      ...(expires === undefined ? [] : [parts, more, size].map((key) => ['EXPIRE', key, expires] as const)),
    ])
    const [, count, added, announced] = replies
    if (announced === null || announced === undefined) return 'waiting'
    const total = Number(announced) + Number(added ?? 0)
    if (Number(count) < total) return 'waiting'
    const [members] = await this.#store.multi([['ZRANGE', parts, 0, -1]])
    const byId = new Map<string, ResultRecord>()
    for (const member of Array.isArray(members) ? members : []) {
      const part = decodePart(String(member))
      if (!byId.has(part.taskId)) byId.set(part.taskId, part)
    }
    // A task that ran twice, with two results, has two members and is one.
    if (byId.size < total) return 'waiting'
    return { parts: [...byId.values()], shape: readShape(await this.#store.get(this.#key(groupId))) }
  }

  async grow(groupId: string): Promise<void> {
    await this.#store.multi([['INCR', this.#key(groupId, '.t')]])
  }

  async forget(groupId: string): Promise<void> {
    await this.#store.multi(['.j', '.t', '.s'].map((suffix) => ['DEL', this.#key(groupId, suffix)] as const))
  }

  /** As Celery: whoever listens on the key hears of it. */
  #set(key: string, value: string): Command[] {
    const { expires } = this.#options
    const write: Command = expires === undefined ? ['SET', key, value] : ['SETEX', key, expires, value]
    return [write, ['PUBLISH', key, value]]
  }

  #key(groupId: string, suffix = ''): string {
    return `${this.#options.prefix ?? ''}celery-taskset-meta-${groupId}${suffix}`
  }
}

/** `[1, id, state, result]`; the first number is a version. */
function encodePart(record: ResultRecord): string {
  const result = 'error' in record ? encodeError(record.error) : record.result
  return stringifyJson([1, record.taskId, record.state, result], { path: 'part' })
}

function decodePart(text: string): ResultRecord {
  const part = parseJson(text, LIMITS)
  const [, id, state, result] = Array.isArray(part) ? part : []
  if (typeof id !== 'string' || typeof state !== 'string') {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `a part of a chord is ${text.slice(0, 100)}`)
  }
  return decodeEnding(id, state, (result ?? null) as Json)
}

/** The saved group of a header that has groups in it: `{"result": [[id, parent], [members]]}`. */
function readShape(text: string | null): ResultTuple | null {
  if (text === null) return null
  const saved = parseJson(text, LIMITS) as { readonly result?: unknown } | null
  const tuple = saved?.result
  return Array.isArray(tuple) && Array.isArray(tuple[0]) && Array.isArray(tuple[1])
    ? (tuple as unknown as ResultTuple)
    : null
}
