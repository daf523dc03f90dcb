import { TwqError } from '../../errors.ts'
import { EXIT } from '../terminal/exit-codes.ts'

/** More ids than this are counted, not named. */
const MOST_NAMED = 5

/** What is searched for the ids: messages like `failure`, the queue that they lie in, and the command that lists them. */
export interface Searched {
  readonly thing: string
  readonly queue: string
  readonly list: string
  /** The filters that a message has to pass beside its id; those that are undefined are not given. */
  readonly filters: object
}

/** The ids that a command line names. */
export class NamedIds {
  readonly #count: number
  readonly #missing: Set<string>

  constructor(ids: Iterable<string>) {
    this.#missing = new Set(ids)
    this.#count = this.#missing.size
  }

  /** Takes note of a message that is meant. */
  found(id: string | undefined): void {
    if (id !== undefined) this.#missing.delete(id)
  }

  /**
   * Ends a search that has not looked at `unseen` messages. Throws `TWQ_MESSAGE_MISSING` where it found none of the ids; where it did not
   * find some, names them to `tell` and returns 1. 0 where all were found, or none was named.
   */
  end({ thing, queue, list, filters }: Searched, unseen: number, tell: (text: string) => void): number {
    if (this.#missing.size === 0) return EXIT.ok
    const filtered = Object.values(filters).some((value) => value !== undefined)
    const message = `no ${thing} of ${queue} has the id ${this.#named()}${filtered ? ' and passes the other filters' : ''}`
    const more = unseen > 0 ? `; ${unseen} more were not looked at: --limit says how many are` : ''
    if (this.#missing.size < this.#count) {
      tell(`${message}${more}`)
      return EXIT.failed
    }
    throw new TwqError('TWQ_MESSAGE_MISSING', `${message}${more}`, {
      hint: `${list} shows those that are kept; --queue names another task queue.`,
    })
  }

  #named(): string {
    const ids = [...this.#missing]
    const rest = ids.length - MOST_NAMED
    const words = rest > 1 ? [...ids.slice(0, MOST_NAMED), `${rest} others`] : ids
    return words.join(', ').replace(/, ([^,]*)$/, ' or $1')
  }
}
