import type { Versions } from '../answers/session.ts'

/** The topics that a page may show. */
export type Topic = keyof Versions

/** Counts the changes of each topic. */
export class Changes {
  readonly #versions: Record<Topic, number> = {
    ...{ tasks: 0, workers: 0, queues: 0, broker: 0, audit: 0, rates: 0, charts: 0 },
  }

  get versions(): Versions {
    return this.#versions
  }

  /** Records a change. */
  touch(topic: Topic): void {
    this.#versions[topic] += 1
  }
}
