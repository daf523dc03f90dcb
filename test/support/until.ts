import { setTimeout as delay } from 'node:timers/promises'

/** How long a test waits for what must happen before it says what it saw instead: far longer than it takes anywhere. */
const PATIENCE = 120_000

/** What happened, in order, and a way to wait for what has not happened yet. */
export class Journal<T> {
  readonly entries: T[] = []
  readonly #listeners = new Set<(entry: T) => void>()
  readonly #failed = new Set<(error: Error) => void>()
  #end: Error | undefined

  push(entry: T): void {
    this.entries.push(entry)
    for (const hear of [...this.#listeners]) hear(entry)
  }

  /** Calls `hear` with every entry to come. */
  listen(hear: (entry: T) => void): void {
    this.#listeners.add(hear)
  }

  /** Nothing more will come: whoever waits now or later is told why. */
  end(reason: Error): void {
    this.#end = reason
    for (const fail of [...this.#failed]) fail(reason)
  }

  /** The first entry that matches, among those already here or the ones to come. */
  until(
    matches: (entry: T) => boolean,
    options: { readonly from?: number; readonly within?: number } = {},
  ): Promise<T> {
    const found = this.entries.slice(options.from ?? 0).find(matches)
    if (found !== undefined) return Promise.resolve(found)
    if (this.#end) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#listeners.delete(hear)
        this.#failed.delete(fail)
        act()
      }
      const hear = (entry: T) => {
        if (matches(entry)) settle(() => resolve(entry))
      }
      const fail = (error: Error) => settle(() => reject(error))
      const within = options.within ?? PATIENCE
      const timer = setTimeout(() => fail(new Error(`not seen within ${within} ms; seen:\n${this.tail()}`)), within)
      this.#listeners.add(hear)
      this.#failed.add(fail)
    })
  }

  /** Resolves when `count` entries match. */
  async untilCount(count: number, matches: (entry: T) => boolean = () => true): Promise<T[]> {
    let seen = 0
    await this.until((entry) => matches(entry) && ++seen === count)
    return this.entries.filter(matches).slice(0, count)
  }

  /** The last entries as text, for an error message. */
  tail(): string {
    const asText = (entry: T) => (typeof entry === 'string' ? entry : JSON.stringify(entry))
    return this.entries.slice(-40).map(asText).join('\n')
  }
}

/**
 * Asks an outside system, which sends no events, again and again until its answer is accepted: the depth of a queue, a
 * file that another program writes. For anything of ours, await an event instead.
 */
export async function pollUntil<T>(
  what: string,
  ask: () => Promise<T> | T,
  accept: (answer: T) => boolean,
  options: { readonly every?: number; readonly within?: number } = {},
): Promise<T> {
  const within = options.within ?? PATIENCE
  const end = performance.now() + within
  for (;;) {
    const answer = await ask()
    if (accept(answer)) return answer
    if (performance.now() > end) throw new Error(`${what}: still ${JSON.stringify(answer)} after ${within} ms`)
    await delay(options.every ?? 50)
  }
}
