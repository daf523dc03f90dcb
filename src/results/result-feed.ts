import { isFinal, type ResultRecord } from '../protocol/result-record.ts'

/** An update for a listener of a feed: a record, or an error after which nothing follows. */
export type FeedEvent =
  | { readonly kind: 'record'; readonly record: ResultRecord }
  | { readonly kind: 'broken'; readonly error: Error }

/** Fetches the records of a feed, if they are not pushed. */
export interface FeedSource {
  /** The first listener was added: deliver the known states, and all that follow. */
  follow(): void
  /** The last listener was removed. */
  leave(): void
  /** Delivers the current state. */
  look(): Promise<void>
  /** Why no states arrive at present, if so. */
  trouble(): string | undefined
}

/** If a task reports more states than this, the oldest are dropped. */
const MOST_KEPT = 100

type Listener = (event: FeedEvent) => void

/** The states of one sent task as they arrive. Listeners are told in the order of arrival, until the final one. */
export class ResultFeed {
  // Both are created on first use: results of most tasks are never asked for.
  #records: ResultRecord[] | undefined
  #broken: Error | undefined
  #listeners: Set<Listener> | undefined
  readonly #source: FeedSource | undefined
  /** Is told the final record while a publish waits for the broker's confirm. */
  onAnswer: { answered(): void } | undefined

  constructor(source?: FeedSource) {
    this.#source = source
  }

  /** The latest record. */
  get latest(): ResultRecord | undefined {
    return this.#records?.at(-1)
  }

  /** Whether the final record has arrived. */
  get isOver(): boolean {
    return this.latest !== undefined && isFinal(this.latest)
  }

  /** True while there is a listener. */
  get hasListeners(): boolean {
    return this.#listeners !== undefined && this.#listeners.size > 0
  }

  /** Adds a record. Anything after a final one is a duplicate, or a late record that lost a race: ignored. */
  push(record: ResultRecord): void {
    if (this.isOver) return
    this.#records ??= []
    if (this.#records.push(record) > MOST_KEPT) this.#records.shift()
    this.#tell({ kind: 'record', record })
    if (isFinal(record)) this.onAnswer?.answered()
  }

  /** Ends a feed that will never get a final record. */
  break(error: Error): void {
    if (this.isOver || this.#broken !== undefined) return
    this.#broken = error
    this.#tell({ kind: 'broken', error })
  }

  /** Why no states arrive from where records are fetched, if so. */
  get trouble(): string | undefined {
    return this.#source?.trouble()
  }

  /** The latest record that exists now. */
  async look(): Promise<ResultRecord | undefined> {
    if (!this.isOver) await this.#source?.look()
    return this.latest
  }

  /** Passes `listener` the records received so far, and all that follow. Returns a function that removes it. */
  listen(listener: Listener): () => void {
    this.#listeners ??= new Set()
    const listeners = this.#listeners
    listeners.add(listener)
    for (const record of this.#records ?? []) listener({ kind: 'record', record })
    if (this.#broken !== undefined) listener({ kind: 'broken', error: this.#broken })
    else if (listeners.size === 1 && !this.isOver) this.#source?.follow()
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.#source?.leave()
    }
  }

  #tell(event: FeedEvent): void {
    if (this.#listeners === undefined) return
    for (const listener of [...this.#listeners]) listener(event)
  }
}
