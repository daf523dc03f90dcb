import { messageOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { type Hide, hiddenOf } from '../store/describe-task.ts'
import { holdsText, type TaskQuery } from '../store/list-tasks.ts'
import type { MonitorStore, TaskView } from '../store/monitor-store.ts'
import type { Archive } from './archive.ts'
import type { ArchivedFacts, ArchivedTask } from './archived.ts'
import { MOST_COUNTED } from './queries.ts'

/** The parts of a keeper. */
export interface KeeperParts {
  readonly archive: Archive
  readonly store: MonitorStore
  readonly hide: Hide
  readonly clock: Clock
  readonly logger: EventLogger | undefined
}

/** An archive, and what was in it when it was opened. */
export interface Kept {
  readonly archive: Archive
  readonly facts: ArchivedFacts | undefined
  readonly recent: readonly ArchivedTask[]
}

const EVERY = 500
const FORGET_EVERY = 3_600_000
const DAYS = 30
// As many as the store remembers.
const RECALLED = 10_000

/** Opens the archive of a file, with its newest tasks. Rejects with `TWQ_CONFIG` where that can't be. */
export async function openKept(file: string): Promise<Kept> {
  const { Archive } = await import('./archive.ts')
  const archive = await Archive.open(file)
  return { archive, facts: await archive.facts(), recent: await archive.recent(RECALLED) }
}

/** Keeps what the store takes in: twice a second, and before the archive is asked. */
export class Keeper {
  readonly #parts: KeeperParts
  #timer: Timer | undefined
  #forgets: Timer | undefined
  #last: Promise<void> = Promise.resolve()
  #failed = false

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.#schedule()
    this.#forget()
  }

  /** The tasks that pass, and how many; those of the last moment, too. */
  async find(query: TaskQuery): Promise<{ readonly views: readonly TaskView[]; readonly matching: number }> {
    await this.flush()
    const { archive, hide } = this.#parts
    const { tasks, matching } = await archive.find(query)
    const { text } = query
    // What is hidden now may have been kept to be found before.
    const views = text === undefined ? tasks : tasks.filter(({ state }) => holdsText(state, text, hide))
    return { views, matching: Math.min(matching, MOST_COUNTED + 1) }
  }

  /** A task that the store has forgotten. */
  async task(id: string): Promise<TaskView | undefined> {
    return await this.#parts.archive.task(id)
  }

  async count(): Promise<number> {
    return await this.#parts.archive.count()
  }

  /** Writes what has changed. Never rejects: what could not be written is logged, and lost with this process. */
  flush(): Promise<void> {
    this.#last = this.#last.then(() => this.#write())
    return this.#last
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#forgets?.cancel()
    await this.flush()
    await this.#parts.archive.close()
  }

  async #write(): Promise<void> {
    const { archive, store, hide, clock, logger } = this.#parts
    const changed = store.takeChanged()
    const tasks = changed.map(({ state, history }) => ({ state, history, text: textOf(state, hide) }))
    const facts = { heardUntil: clock.now() / 1000, since: store.since, totals: store.totals }
    try {
      await archive.save(tasks, facts)
      this.#failed = false
    } catch (error) {
      if (!this.#failed)
        logger?.error({ event: 'monitor.not-stored', error: messageOf(error) }, 'tasks could not be stored')
      this.#failed = true
    }
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(EVERY, () => void this.flush().then(() => this.#schedule()))
  }

  #forget(): void {
    const { archive, clock } = this.#parts
    void archive.forget(clock.now() / 1000 - DAYS * 86_400).catch(() => {})
    this.#forgets = clock.after(FORGET_EVERY, () => this.#forget())
  }
}

/** What a task is found by, without what is hidden. */
function textOf(state: TaskView['state'], hide: Hide): string {
  const hidden = hiddenOf(state, hide)
  const { uuid, name, worker, args, kwargs, result, exception } = state
  const texts = [
    ...[uuid, name, worker],
    ...(hidden.has('args') ? [] : [args, kwargs]),
    ...(hidden.has('results') ? [] : [result]),
    ...(hidden.has('errors') ? [] : [exception]),
  ]
  return texts.filter((text) => text !== undefined).join('\n')
}
