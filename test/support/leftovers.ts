import { pollUntil } from './until.ts'

/** What this process holds that someone could have forgotten: handles, sockets and timers of Node, and listeners on `process`. */
export class Leftovers {
  readonly #counts: ReadonlyMap<string, number>

  private constructor(counts: ReadonlyMap<string, number>) {
    this.#counts = counts
  }

  static now(): Leftovers {
    return new Leftovers(countAll())
  }

  /** Resolves once there is no more of anything than there was: what has been closed may take a turn or two to go. */
  async untilNothingMore(): Promise<void> {
    await pollUntil(
      'no handle or listener more than before',
      async () => this.#excess(),
      (excess) => excess.length === 0,
    )
  }

  #excess(): readonly string[] {
    return [...countAll()].flatMap(([kind, count]) => {
      const before = this.#counts.get(kind) ?? 0
      return count > before ? [`${kind}: ${count} instead of ${before}`] : []
    })
  }
}

// The poll's own, or Node's for as long as it likes.
const PASSED_OVER = ['Timeout', 'Immediate', 'FSReqPromise', 'FSReqCallback']

function countAll(): Map<string, number> {
  const counts = new Map<string, number>()
  const add = (kind: string, count = 1): void => void counts.set(kind, (counts.get(kind) ?? 0) + count)
  for (const kind of process.getActiveResourcesInfo()) if (!PASSED_OVER.includes(kind)) add(kind)
  for (const event of process.eventNames()) add(`process.on('${String(event)}')`, process.listenerCount(event))
  return counts
}
