import type { Session, SessionEvent } from '../../broker/session.ts'
import { messageOf } from '../../errors.ts'
import type { BrokerState, Gap } from '../answers/cluster.ts'

// What is worth showing.
const MOST_GAPS = 20

/** What another monitor has heard, whose tasks are kept. */
export interface HeardBefore {
  readonly heardUntil: number
  readonly gaps: readonly Gap[]
}

/** What is known of the connection: its state, since when, and the times in which no events could be heard. */
export class BrokerLink {
  readonly #now: () => number
  #state: BrokerState
  #gaps: readonly Gap[]

  /** `now` tells seconds since the epoch; `before` is until when another monitor has heard, whose tasks are kept, and what it had missed; `onChange` hears of each change, and of each connection whether it ended a gap. */
  constructor(
    session: Session,
    now: () => number,
    before: HeardBefore | undefined,
    onChange: (change: { readonly back: Gap | undefined }) => void,
  ) {
    this.#now = now
    this.#gaps = before === undefined ? [] : withOpenGap(before.gaps, before.heardUntil)
    this.#state = { state: 'connecting', since: now(), error: undefined }
    session.listen((event) => {
      const back = this.#hear(event)
      onChange({ back })
    })
  }

  get state(): BrokerState {
    return this.#state
  }

  /** The last first. */
  get gaps(): readonly Gap[] {
    return this.#gaps
  }

  /** Connecting will never do: a password that is wrong, say. */
  refuse(error: unknown): void {
    this.#state = { state: 'refused', since: this.#now(), error: messageOf(error) }
  }

  #hear(event: SessionEvent): Gap | undefined {
    const since = this.#now()
    switch (event.kind) {
      case 'connected': {
        this.#state = { state: 'connected', since, error: undefined }
        const [open, ...older] = this.#gaps
        if (open === undefined || open.to !== undefined) return undefined
        const closed = { ...open, to: since }
        this.#gaps = [closed, ...older]
        return closed
      }
      case 'lost':
        this.#state = { state: 'lost', since, error: event.error.message }
        this.#gaps = withOpenGap(this.#gaps, since)
        return undefined
      case 'retrying':
        this.#state = { ...this.#state, error: event.error.message }
        return undefined
      case 'failed':
        this.refuse(event.error)
        return undefined
      default:
        return undefined
    }
  }
}

/** One that had begun already, when the monitor before ended without the broker, goes on. */
function withOpenGap(gaps: readonly Gap[], from: number): readonly Gap[] {
  const [last] = gaps
  return last !== undefined && last.to === undefined ? gaps : [{ from, to: undefined }, ...gaps].slice(0, MOST_GAPS)
}
