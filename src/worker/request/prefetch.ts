import type { Channel, ServerInfo } from '../../broker/broker.ts'
import { isRabbitMq4 } from '../../broker/server-version.ts'

// AMQP carries the count in 16 bits, and 0 means no limit at all.
const LARGEST = 65_535

// RabbitMQ scans all older unacknowledged messages of the channel on each ack; with 200 of them an ack costs less than twice
// what it costs with none (measured).
const CROWD = 200

/** What the limit makes up for on one channel. */
interface Beside {
  held: number
  /** On their way elsewhere. */
  lent: number
}

/** The parts of a limit: what is allowed without a window, and what that adds. */
interface Count {
  readonly withoutWindow: number
  readonly ahead: number
}

/** Has the broker allow so many unacknowledged messages, `ahead` of them by the work-ahead window. */
export type ApplyLimit = (count: number, ahead: number) => Promise<void>

const NOTHING: Count = { withoutWindow: 0, ahead: 0 }

/** A place beside the requests in work. It is worth nothing any more once another channel consumes. */
export interface Place {
  readonly on: Beside
  readonly kind: keyof Beside
}

/**
 * Keeps the broker's limit on unacknowledged messages at `base`, plus the requests held for later, so that waiting ones
 * never stop the rest, plus what the work-ahead window takes while tasks are quick. Changes are collected: only the newest count is
 * sent, one request at a time. Where too many wait on a channel, it asks for another one.
 */
export class Prefetch {
  #base: number
  #beside: Beside = { held: 0, lent: 0 }
  #crowdedAt = CROWD
  #onCrowded: (() => void) | undefined
  #apply: ApplyLimit | undefined
  #stepped = false
  /** What the broker has, or is being sent. */
  #applied: Count = NOTHING
  #sending = false
  #ahead = 0
  /** The largest window of this channel. */
  #mostAhead = 0
  /** The largest limit of its consumers, where each has its own. */
  #mostApplied = 0
  /** The limits of consumers that others have taken over from, and that still consume. */
  #leaving = { now: 0, most: 0 }

  constructor(base: number) {
    this.#base = base
  }

  /** What the broker should allow now. */
  get count(): number {
    return this.#base === 0 ? 0 : total({ withoutWindow: this.#withoutWindow, ahead: this.#ahead })
  }

  /** What it allows with nothing held and no window; 0 is no limit. */
  get base(): number {
    return this.#base
  }

  /** How many more it should allow for the work-ahead window. */
  get ahead(): number {
    return this.#ahead
  }

  /** Whether a change is dear; see `attach`. */
  get stepped(): boolean {
    return this.#stepped
  }

  /** Whether the broker has the newest count. */
  get upToDate(): boolean {
    return this.#apply !== undefined && !this.#sending && this.#isApplied(this.#wanted())
  }

  /**
   * How many messages of one queue the broker may have counted as unacknowledged of late: an acknowledgement may be on its
   * way since before the window or the limit shrank, or be held back until a consumer has left. 0 is no limit.
   */
  get most(): number {
    if (this.#base === 0) return 0
    const current = Math.max(this.#withoutWindow + this.#mostAhead, this.#mostApplied)
    return Math.min(current + this.#leaving.most, LARGEST)
  }

  /** Allows so many more than for the requests in work; no limit stays none. */
  lookAhead(ahead: number): void {
    if (this.#base === 0) return
    this.#ahead = ahead
    this.#mostAhead = Math.max(this.#mostAhead, ahead)
    this.#send()
  }

  /** Allows so many more (or, negative, fewer) from now on, but for at least one; no limit stays none. */
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

  /** One more request is on its way elsewhere, which takes a moment. */
  lend(): Place {
    return this.#take('lent')
  }

  release({ on, kind }: Place): void {
    on[kind] -= 1
    if (on === this.#beside) this.#send()
  }

  /** Consumers with such a limit go on for a while, beside those that took over; returns how to say that they have ended. */
  leave(limit: number): () => void {
    const leaving = this.#leaving
    leaving.now += limit
    leaving.most = Math.max(leaving.most, leaving.now)
    return () => {
      leaving.now -= limit
    }
  }

  /** All channels are new: no consumer is left of those before. */
  reset(): void {
    this.#leaving = { now: 0, most: 0 }
    this.#mostApplied = 0
  }

  /** Another channel consumes from now on, without a window, and nothing waits on it yet: returns the count that it begins with. */
  begin(): number {
    this.detach()
    this.#ahead = 0
    this.#beside = { held: 0, lent: 0 }
    this.#crowdedAt = CROWD
    this.#mostAhead = 0
    return this.count
  }

  /**
   * A new channel that has the count `applied` already, the current one by default; `apply` changes it from now on.
   * `stepped` is for channels where a change is dear: it then grows by doubling, and shrinks only when it is four times too large,
   * but for the window. `onCrowded` is told when so many wait on the channel that another one should consume.
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

  /** The channel is gone, or takes no change for now. */
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
    // Past the crowd another channel takes over, if there can be one.
    const most = this.#beside.held < CROWD ? Math.max(exact, this.#base + CROWD) : LARGEST
    return Math.min(Math.max(exact * 2, this.#base), most)
  }

  /** Where consumers have a limit each, those of the window are others than those of the rest. */
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
    // A failure means that the channel is going; the next one starts from the right count.
    apply(total(wanted), wanted.ahead).then(again, () => undefined)
  }
}

/** The limit as a whole, as AMQP carries it. */
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
