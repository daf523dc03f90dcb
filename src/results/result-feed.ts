import { isFinal, type ResultRecord } from '../protocol/result-record.ts'

/** An update for a listener of a feed: a record, or the error after which nothing more will come. */
export type FeedEvent =
  | { readonly kind: 'record'; readonly record: ResultRecord }
  | { readonly kind: 'broken'; readonly error: Error }

/** Where the records of a feed are fetched from, where they do not come by themselves. */
export interface FeedSource {
  /** The first listener came: bring the known states, and all that follow. */
  follow(): void
  /** The last listener left. */
  leave(): void
  /** Brings what is known now. */
  look(): Promise<void>
  /** Why nothing can be heard at present, if so. */
  trouble(): string | undefined
}

/** Of a task that reports more states than these, the oldest are forgotten. */
const MOST_KEPT = 100

type Listener = (event: FeedEvent) => void

/** The states of one sent task as they arrive. Listeners are told in the order of arrival, until the final one. */
export class ResultFeed {
  // Both are made when they are used: results of most tasks are never asked for.
  #records: ResultRecord[] | undefined
  #broken: Error | undefined
  #listeners: Set<Listener> | undefined
  readonly #source: FeedSource | undefined
  /** Told of the final record, while a publish waits for the broker's confirm. */
  onAnswer: { answered(): void } | undefined

  constructor(source?: FeedSource) {
    this.#source = source
  }

  /** The newest record heard of. */
  get latest(): ResultRecord | undefined {
    return this.#records?.at(-1)
  }

  /** Whether the final record has come. */
  get isOver(): boolean {
    return this.latest !== undefined && isFinal(this.latest)
  }

  /** True while there is a listener. */
  get hasListeners(): boolean {
    return this.#listeners !== undefined && this.#listeners.size > 0
  }

  /** Takes a record in. What follows a final one is a duplicate, or a straggler that lost a race: passed over. */
  push(record: ResultRecord): void {
    if (this.isOver) return
    this.#records ??= []
    if (this.#records.push(record) > MOST_KEPT) this.#records.shift()
    this.#tell({ kind: 'record', record })
    if (isFinal(record)) this.onAnswer?.answered()
  }

  /** Ends a feed that will never see a final record. */
  break(error: Error): void {
    if (this.isOver || this.#broken !== undefined) return
    this.#broken = error
    this.#tell({ kind: 'broken', error })
  }

  /** Why nothing is heard from where records are fetched, if so. */
  get trouble(): string | undefined {
    return this.#source?.trouble()
  }

  /** The newest record there is now. */
  async look(): Promise<ResultRecord | undefined> {
    if (!this.isOver) await this.#source?.look()
    return this.latest
  }

  /** Tells `listener` the records that came already, and all that follow. Returns how to stop. */
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
