import type { Channel, ServerInfo } from '../../broker/broker.ts'
import { isRabbitMq4 } from '../../broker/server-version.ts'

// AMQP's count has 16 bits, and 0 means no limit.
const LARGEST = 65_535

// RabbitMQ scans all older unacknowledged messages of the channel on each ack; with 200 of them an ack costs less than twice as
// much as with none (measured).
const CROWD = 200

/** What the limit is raised for on one channel. */
interface Beside {
  held: number
  /** Messages on their way to another queue. */
  lent: number
}

/** The parts of a limit: what is allowed without a window, and what the window adds. */
interface Count {
  readonly withoutWindow: number
  readonly ahead: number
}

/** Sets the broker's limit of unacknowledged messages, `ahead` of them for the work-ahead window. */
export type ApplyLimit = (count: number, ahead: number) => Promise<void>

const NOTHING: Count = { withoutWindow: 0, ahead: 0 }

/** A place in addition to those for running requests. It loses its effect once another channel consumes. */
export interface Place {
  readonly on: Beside
  readonly kind: keyof Beside
}

/**
 * Keeps the broker's limit of unacknowledged messages at `base`, plus the requests held for later, so that waiting ones never
 * block the others, plus the work-ahead window while tasks are quick. Changes are combined: only the latest count is sent, one
 * request at a time. If too many wait on a channel, it requests another one.
 */
export class Prefetch {
  #base: number
  #beside: Beside = { held: 0, lent: 0 }
  #crowdedAt = CROWD
  #onCrowded: (() => void) | undefined
  #apply: ApplyLimit | undefined
  #stepped = false
  /** The count that the broker has, or is being sent. */
  #applied: Count = NOTHING
  #sending = false
  #ahead = 0
  /** The largest window of this channel. */
  #mostAhead = 0
  /** The largest limit of its consumers, if each has its own. */
  #mostApplied = 0
  /** The limits of consumers that were replaced and still consume. */
  #leaving = { now: 0, most: 0 }

  constructor(base: number) {
    this.#base = base
  }

  /** The count that the broker should have. */
  get count(): number {
    return this.#base === 0 ? 0 : total({ withoutWindow: this.#withoutWindow, ahead: this.#ahead })
  }

  /** The count with nothing held and no window; 0 is no limit. */
  get base(): number {
    return this.#base
  }

  /** The additional count for the work-ahead window. */
  get ahead(): number {
    return this.#ahead
  }

  /** Whether a change is expensive; see `attach`. */
  get stepped(): boolean {
    return this.#stepped
  }

  /** Whether the broker has the latest count. */
  get upToDate(): boolean {
    return this.#apply !== undefined && !this.#sending && this.#isApplied(this.#wanted())
  }

  /**
   * How many messages of one queue the broker may recently have counted as unacknowledged: an acknowledgement may have been in
   * transit since before the window or the limit shrank, or be held back until a consumer has ended. 0 is no limit.
   */
  get most(): number {
    if (this.#base === 0) return 0
    const current = Math.max(this.#withoutWindow + this.#mostAhead, this.#mostApplied)
    return Math.min(current + this.#leaving.most, LARGEST)
  }

  /** Sets the additional count beyond running requests; no limit stays no limit. */
  lookAhead(ahead: number): void {
    if (this.#base === 0) return
    this.#ahead = ahead
    this.#mostAhead = Math.max(this.#mostAhead, ahead)
    this.#send()
  }

  /** Raises (or, if negative, lowers) the count from now on, but to no less than one; no limit stays no limit. */
  widen(change: number): void {
    if (this.#base === 0) return
    this.#base = Math.min(Math.max(this.#base + change, 1), LARGEST)
    this.#send()
  }

  /** One more request is held for later, and takes no place of another until it is released. */
  hold(): Place {
    const place = this.#take('held')
    if (this.#beside.held >= this.#crowdedAt) {
      this.#crowdedAt += CROWD
      this.#onCrowded?.()
    }
    return place
  }

  /** One more request is being moved to another queue, which takes a moment. */
  lend(): Place {
    return this.#take('lent')
  }

  release({ on, kind }: Place): void {
    on[kind] -= 1
    if (on === this.#beside) this.#send()
  }

  /**
   * Consumers with this limit continue for a while beside their replacements; returns a function to call when they have ended.
   */
  leave(limit: number): () => void {
    const leaving = this.#leaving
    leaving.now += limit
    leaving.most = Math.max(leaving.most, leaving.now)
    return () => {
      leaving.now -= limit
    }
  }

  /** All channels are new: no earlier consumer is left. */
  reset(): void {
    this.#leaving = { now: 0, most: 0 }
    this.#mostApplied = 0
  }

  /** Another channel consumes from now on, without a window and with nothing waiting on it: returns its initial count. */
  begin(): number {
    this.detach()
    this.#ahead = 0
    this.#beside = { held: 0, lent: 0 }
    this.#crowdedAt = CROWD
    this.#mostAhead = 0
    return this.count
  }

  /**
   * Attaches a new channel that already has the count `applied`, by default the current one; `apply` changes it from now on.
   * `stepped` is for channels where a change is expensive: the count then grows by doubling, and shrinks only when it is four
   * times too large, except for the window. `onCrowded` is called when so many wait on the channel that another one should
   * consume.
   */
  attach(
    apply: ApplyLimit,
    options: { readonly stepped: boolean; readonly applied?: number; readonly onCrowded?: () => void },
  ): void {
    this.#apply = apply
    this.#onCrowded = options.onCrowded
    this.#stepped = options.stepped
    this.#setApplied({ withoutWindow: options.applied ?? this.#withoutWindow, ahead: 0 })
    this.#sending = false
    this.#send()
  }

  /** The channel is gone, or accepts no change for now. */
  detach(): void {
    this.#apply = undefined
    this.#onCrowded = undefined
  }

  #take(kind: keyof Beside): Place {
    const place = { on: this.#beside, kind }
    this.#beside[kind] += 1
    this.#send()
    return place
  }

  get #withoutWindow(): number {
    return this.#base + this.#beside.held + this.#beside.lent
  }

  #wanted(): Count {
    if (this.#base === 0) return NOTHING
    const withoutWindow = this.#stepped ? this.#step(this.#withoutWindow) : this.#withoutWindow
    return { withoutWindow, ahead: this.#ahead }
  }

  #step(exact: number): number {
    const applied = this.#applied.withoutWindow
    if (exact <= applied && exact * 4 > applied) return applied
    // Above this number another channel takes over, if possible.
    const most = this.#beside.held < CROWD ? Math.max(exact, this.#base + CROWD) : LARGEST
    return Math.min(Math.max(exact * 2, this.#base), most)
  }

  /** If consumers have a limit each, the window's consumers are separate ones. */
  #isApplied(wanted: Count): boolean {
    const applied = this.#applied
    return total(wanted) === total(applied) && (!this.#stepped || wanted.ahead === applied.ahead)
  }

  #setApplied(count: Count): void {
    this.#applied = count
    if (this.#stepped) this.#mostApplied = Math.max(this.#mostApplied, total(count))
  }

  #send(): void {
    const apply = this.#apply
    const wanted = this.#wanted()
    if (apply === undefined || this.#sending || this.#isApplied(wanted)) return
    this.#sending = true
    const again = (): void => {
      if (this.#apply !== apply) return
      this.#setApplied(wanted)
      this.#sending = false
      this.#send()
    }
    // A failure means that the channel is closing; the next one starts with the right count.
    apply(total(wanted), wanted.ahead).then(again, () => undefined)
  }
}

/** The total limit in AMQP's form. */
function total({ withoutWindow, ahead }: Count): number {
  return Math.min(withoutWindow + ahead, LARGEST)
}

/** Whether one limit can be shared by all consumers of a channel and changed while they run (wire specification 1.4). */
export function sharesPrefetch(server: ServerInfo, hasQuorumQueue: boolean): boolean {
  return !hasQuorumQueue && !isRabbitMq4(server)
}

/** Sets a channel-wide limit. */
export function channelPrefetch(channel: Pick<Channel, 'prefetch'>): (count: number) => Promise<void> {
  return (count) => channel.prefetch(count, 'channel')
}
