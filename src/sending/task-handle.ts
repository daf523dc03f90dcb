import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import { exceptionRepr } from '../protocol/python-repr.ts'
import { RemoteTaskError } from '../protocol/result/remote-task-error.ts'
import { isFinal, type ResultRecord, type State } from '../protocol/result-record.ts'
import type { ResultFeed } from '../results/result-feed.ts'
import { ordinary } from '../runtime/ordinary.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { limitWait, timeLimit, unlessAborted } from '../runtime/time/time-limit.ts'
import type { AnyHandle, ResultOptions, RevokeOptions, TaskHandle } from '../tasks/sending.ts'
import type { Revoke } from './revoke.ts'

/** A task by its id. */
export interface StoredHandle<Result = unknown> extends TaskHandle<Result> {
  /** Its last known state, with its value or error; undefined while none is known. */
  record(): Promise<ResultRecord | undefined>
}

/** A handle for a task that was sent; without a feed its result goes nowhere that it could be read from. */
export class SentTask implements StoredHandle {
  readonly id: string
  readonly #task: string
  readonly #feed: ResultFeed | undefined
  readonly #revoke: Revoke | undefined
  /** Of a step in a chain: the one before. */
  readonly parent: AnyHandle | undefined

  constructor(id: string, task: string, feed: ResultFeed | undefined, revoke?: Revoke, parent?: AnyHandle) {
    this.id = id
    this.parent = parent
    this.#task = task
    this.#feed = feed
    this.#revoke = revoke
  }

  toJSON(): ResultTuple {
    return [[this.id, this.parent?.toJSON() ?? null], null]
  }

  async state(): Promise<State> {
    return (await this.#feed?.look())?.state ?? 'PENDING'
  }

  async record(): Promise<ResultRecord | undefined> {
    return await this.#readableFeed().look()
  }

  async result(options: ResultOptions = {}): Promise<unknown> {
    const feed = this.#readableFeed()
    const final = deferred<ResultRecord>()
    using _limit = limitWait(final, {
      ms: timeoutOf(options.timeout),
      signal: options.signal,
      reason: () =>
        new TwqError('TWQ_RESULT_TIMEOUT', `${this.#named} has no result after ${waited(options.timeout)}`, {
          hint:
            feed.trouble === undefined
              ? `Its state is ${feed.latest?.state ?? 'PENDING: perhaps no worker consumes its queue'}`
              : `The result backend can't be asked: ${feed.trouble}`,
        }),
    })
    const stop = feed.listen((event) => {
      if (event.kind === 'broken') final.reject(event.error)
      else if (isFinal(event.record)) final.resolve(event.record)
    })
    try {
      return this.#valueOf(await final.promise)
    } finally {
      stop()
    }
  }

  async *states(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ResultRecord, void, undefined> {
    const feed = this.#readableFeed()
    const arrived: ResultRecord[] = []
    let broken: Error | undefined
    let wake = deferred<void>()
    const stop = feed.listen((event) => {
      if (event.kind === 'broken') broken = event.error
      else if (arrived.push(event.record) > MOST_UNREAD) arrived.shift()
      wake.resolve()
    })
    try {
      using limit = timeLimit({ reason: () => undefined, signal: options.signal })
      while (true) {
        limit.signal.throwIfAborted()
        const record = arrived.shift()
        if (record !== undefined) {
          yield record
          if (isFinal(record)) return
        } else if (broken !== undefined) {
          throw broken
        } else {
          wake = deferred()
          await unlessAborted(wake.promise, limit.signal)
        }
      }
    } finally {
      stop()
    }
  }

  async revoke(options: RevokeOptions = {}): Promise<void> {
    if (this.#revoke === undefined) {
      throw new TwqError('TWQ_NO_WORKER', `${this.#named} can't be revoked from here: it was sent to no broker`)
    }
    await this.#revoke([this.id], options)
  }

  get #named(): string {
    return `${this.#task}[${this.id}]`
  }

  #readableFeed(): ResultFeed {
    if (this.#feed !== undefined) return this.#feed
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${this.#named} can't be read from here`, {
      hint: "It was sent with ignoreResult, in the header of a chord, or by a client whose resultBackend is 'none'",
    })
  }

  #valueOf(record: ResultRecord): unknown {
    if (!('error' in record)) return ordinary(record.result)
    const { state, error } = record
    const why = error === null ? '' : `: ${exceptionRepr(error)}`
    const what = state === 'REVOKED' ? 'was revoked' : 'failed'
    throw new TwqError('TWQ_TASK_FAILED', `${this.#named} ${what}${why}`, {
      cause: error === null ? undefined : new RemoteTaskError(error),
    })
  }
}

// A reader that falls behind further than this misses the oldest states in between, never the final one.
const MOST_UNREAD = 1_000

/** A waiting time as text. */
export function waited(timeout: number | string | undefined): string {
  return typeof timeout === 'number' ? `${timeout} ms` : String(timeout)
}

/** Milliseconds of a timeout; throws `TWQ_ARGUMENTS` when it is no duration. */
export function timeoutOf(timeout: number | string | undefined): number | undefined {
  if (timeout === undefined) return undefined
  const ms = parseDuration(timeout)
  if (ms !== undefined) return ms
  throw new TwqError('TWQ_ARGUMENTS', `timeout must be milliseconds or a duration, got ${shownValue(timeout)}`, {
    hint: "Write for example handle.result({ timeout: '5s' })",
  })
}
