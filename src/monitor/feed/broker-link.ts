import type { Session, SessionEvent } from '../../broker/session.ts'
import { messageOf } from '../../errors.ts'
import type { BrokerState, Gap } from '../answers/cluster.ts'

// The shortest gap worth showing.
const MOST_GAPS = 20

/** What an earlier monitor has received, whose tasks are stored. */
export interface HeardBefore {
  readonly heardUntil: number
  readonly gaps: readonly Gap[]
}

/** The connection's state, since when, and the periods in which no events could be received. */
export class BrokerLink {
  readonly #now: () => number
  #state: BrokerState
  #gaps: readonly Gap[]

  /**
   * `now` returns seconds since the epoch; `before` is until when an earlier monitor received events, whose tasks are stored, and
   * what it had missed; `onChange` is called for each change, and for each connection with whether it ended a gap.
   */
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

  /** The latest first. */
  get gaps(): readonly Gap[] {
    return this.#gaps
  }

  /** Connecting can't succeed, for example because of a wrong password. */
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

/** A gap that had already begun when the earlier monitor ended without the broker continues. */
function withOpenGap(gaps: readonly Gap[], from: number): readonly Gap[] {
  const [last] = gaps
  return last !== undefined && last.to === undefined ? gaps : [{ from, to: undefined }, ...gaps].slice(0, MOST_GAPS)
}
