import { messageOf } from '../../errors.ts'
import { BoundedViews } from '../../events/bounded-views.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Audit } from '../actions/audit.ts'
import type { AuditEntry } from '../answers/actions.ts'
import type { BrokerLink } from '../feed/broker-link.ts'
import { type Hide, hiddenOf } from '../store/describe-task.ts'
import { holdsText, type TaskQuery } from '../store/list-tasks.ts'
import type { ChartStep, MonitorStore, TaskView } from '../store/monitor-store.ts'
import type { Archive } from './archive.ts'
import type { ArchivedChanges, ArchivedFacts, ArchivedTask } from './archived.ts'
import { MOST_COUNTED } from './queries.ts'

/** The parts of a keeper. */
export interface KeeperParts {
  readonly archive: Archive
  readonly store: MonitorStore
  readonly audit: Audit
  readonly link: Pick<BrokerLink, 'gaps'>
  readonly hide: Hide
  readonly clock: Clock
  readonly logger: EventLogger | undefined
  /** How many bytes of tasks that can't be written are kept, about. Default 64 MiB. */
  readonly bytes?: number
}

/** An archive, and its content when it was opened. */
export interface Kept {
  readonly archive: Archive
  readonly facts: ArchivedFacts | undefined
  readonly recent: readonly ArchivedTask[]
  readonly steps: readonly ChartStep[]
  readonly audit: readonly AuditEntry[]
}

const EVERY = 500
const FORGET_EVERY = 3_600_000
const DAYS = 30
// As many as the store remembers.
const RECALLED = 10_000
const AUDIT_RECALLED = 1_000
// What can't be written is retried later: up to this amount.
const MOST_UNSAVED = 20_000
const MOST_UNSAVED_BYTES = 64 * 1024 * 1024

/** Opens the archive of a file, with its newest tasks. Rejects with `TWQ_CONFIG` where that can't be. */
export async function openKept(file: string): Promise<Kept> {
  const { Archive } = await import('./archive.ts')
  const archive = await Archive.open(file)
  return {
    archive,
    facts: await archive.facts(),
    recent: await archive.recent(RECALLED),
    steps: await archive.steps(),
    audit: await archive.audit(AUDIT_RECALLED),
  }
}

/** Tasks that match a filter, how many do, and what was not searched. */
export interface FoundViews {
  readonly views: readonly TaskView[]
  readonly matching: number
  readonly limitation: string | undefined
}

/** Writes what the store receives: twice a second, and before each query of the archive. */
export class Keeper {
  readonly #parts: KeeperParts
  #timer: Timer | undefined
  #forgets: Timer | undefined
  #last: Promise<void> = Promise.resolve()
  #failed = false
  #closed = false
  /** What could not be written so far. */
  #unsaved: ArchivedChanges = NOTHING

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.#schedule()
    this.#forget()
  }

  /** The tasks that match, and how many; including those of the last moment. */
  async find(query: TaskQuery): Promise<FoundViews> {
    await this.settle()
    const { archive, hide } = this.#parts
    const { tasks, matching, limitation } = await archive.find(query)
    const { text } = query
    // A part that is hidden now may have been stored in searchable form before.
    const views = text === undefined ? tasks : tasks.filter(({ state }) => holdsText(state, text, hide))
    return { views, matching: Math.min(matching, MOST_COUNTED + 1), limitation }
  }

  /** A task that the store has forgotten. */
  async task(id: string): Promise<TaskView | undefined> {
    return await this.#parts.archive.task(id)
  }

  async count(): Promise<number> {
    return await this.#parts.archive.count()
  }

  /** Writes what has changed. Never rejects: a failed write is logged and retried, and is lost if this process ends. */
  flush(): Promise<void> {
    this.#last = this.#last.then(() => this.#write())
    return this.#last
  }

  /** Resolves when the current state of the tasks is written: what a page has shown is not lost with this process. */
  async settle(): Promise<void> {
    if (this.#parts.store.hasChanged) await this.flush()
    else await this.#last
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#forgets?.cancel()
    await this.flush()
    await this.#parts.archive.close()
  }

  async #write(): Promise<void> {
    const { archive, store, audit, link, hide, clock, logger, bytes = MOST_UNSAVED_BYTES } = this.#parts
    const changed = store.takeChanged()
    const changes = {
      tasks: changed.map(({ state, history }) => ({ state, history, text: textOf(state, hide) })),
      steps: store.takeChangedSteps(),
      audit: audit.takeNew(),
    }
    const unsaved = together(this.#unsaved, changes, bytes)
    const facts = { heardUntil: clock.now() / 1000, since: store.since, totals: store.totals, gaps: link.gaps }
    try {
      await archive.save(unsaved, facts)
      this.#unsaved = NOTHING
      this.#failed = false
    } catch (error) {
      this.#unsaved = unsaved
      if (!this.#failed)
        logger?.error({ event: 'monitor.not-stored', error: messageOf(error) }, 'tasks could not be stored')
      this.#failed = true
    }
  }

  #schedule(): void {
    // A write that was in progress when it was closed is the last one.
    if (this.#closed) return
    this.#timer = this.#parts.clock.after(EVERY, () => void this.flush().then(() => this.#schedule()))
  }

  #forget(): void {
    const { archive, clock } = this.#parts
    const now = clock.now() / 1000
    void archive.forget(now - DAYS * 86_400, now).catch(() => {})
    this.#forgets = clock.after(FORGET_EVERY, () => this.#forget())
  }
}

const NOTHING: ArchivedChanges = { tasks: [], steps: [], audit: [] }

/** Merges changes: only the latest state of a task or step, and no more of each than is worth the memory. */
function together(before: ArchivedChanges, after: ArchivedChanges, bytes: number): ArchivedChanges {
  if (before === NOTHING) return after
  const tasks = new BoundedViews<ArchivedTask>(MOST_UNSAVED, bytes)
  for (const task of [...before.tasks, ...after.tasks]) tasks.put(task.state.uuid, task)
  const steps = new Map([...before.steps, ...after.steps].map((step) => [`${step.span} ${step.number}`, step]))
  return {
    tasks: [...tasks.views.values()],
    steps: [...steps.values()].slice(-MOST_UNSAVED),
    audit: [...before.audit, ...after.audit].slice(-MOST_UNSAVED),
  }
}

/** The searchable text of a task, without hidden parts. */
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
