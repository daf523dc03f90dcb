import { BoundedViews } from '../../events/bounded-views.ts'
import { ClusterState } from '../../events/cluster-state.ts'
import type { TaskState } from '../../events/task-state.ts'
import type { WorkerState } from '../../events/worker-state.ts'
import { type CeleryEvent, splitType } from '../../protocol/remote/read-event.ts'
import { TouchOrder } from '../../runtime/touch-order.ts'
import type { Counts, Gap, Series } from '../answers/cluster.ts'
import { type KeptStep, KINDS, type Kind, Rates } from './rates.ts'
import { type TaskHistory, taskHistoryAfter } from './task-history.ts'

/** A task as the pages show it: its state as Celery computes it, and its history. */
export interface TaskView {
  readonly state: TaskState
  readonly history: TaskHistory
}

/** The limits of a store, and earlier counts. */
export interface StoreOptions {
  readonly tasks?: number
  readonly bytes?: number
  /** Since when, and how many events: for a monitor that continues with stored data. */
  readonly before?: { readonly since: number; readonly totals: Counts } | undefined
}

/** The counts of one step of a chart, in stored form. */
export interface ChartStep extends KeptStep {
  readonly span: 'hour' | 'day'
}

/** The final states of a task. */
export const FINAL: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED'])

const HOUR = { step: 1, length: 3_600, each: 10 } as const
const DAY = { step: 60, length: 1_440, each: 5 } as const
const MOST_TASKS = 10_000
const MOST_WORKERS = 5_000
const MOST_BYTES = 64 * 1024 * 1024
// With a file, changes are taken twice a second: more wait only while the file can't be written.
const MOST_CHANGED = 20_000
const NO_HISTORY: TaskHistory = { moments: [], omitted: 0, unknownSince: undefined }

/**
 * What the events so far report about workers and tasks: the states of Celery's own `State`, the history of the last 10,000
 * tasks, exact totals, and rates over an hour and a day. Depends on the events alone; times are seconds since the epoch.
 */
export class MonitorStore {
  readonly #cluster: ClusterState
  readonly #bytes: number
  readonly #histories: BoundedViews<TaskHistory>
  readonly #totals = new Map<Kind, number>(KINDS.map((kind) => [kind, 0]))
  readonly #hour: Rates
  readonly #day: Rates
  /** The workers from which task events arrived. */
  readonly #heard = new TouchOrder<string, number>()
  /** When workers announced that they go offline. */
  readonly #left = new TouchOrder<string, number>()
  /** How many tasks the workers had started when they were first seen. */
  readonly #begunBefore = new TouchOrder<string, number>()
  /** Since when events are counted. */
  readonly since: number
  #tasksVersion = 0
  #workersVersion = 0

  /** The tasks changed since the last {@link takeChanged}; undefined if nothing is stored. */
  #changed: BoundedViews<TaskView> | undefined

  constructor(now: number, { tasks = MOST_TASKS, bytes = MOST_BYTES, before }: StoreOptions = {}) {
    this.since = before?.since ?? now
    for (const kind of KINDS) this.#totals.set(kind, before?.totals[kind] ?? 0)
    this.#bytes = bytes
    this.#cluster = new ClusterState({ tasks, bytes })
    this.#histories = new BoundedViews(tasks, bytes)
    this.#hour = new Rates(HOUR.step, HOUR.length, now)
    this.#day = new Rates(DAY.step, DAY.length, now)
  }

  /** By node name. */
  get workers(): ReadonlyMap<string, WorkerState> {
    return this.#cluster.workers
  }

  /** By id, the most recently seen at the end. */
  get tasks(): ReadonlyMap<string, TaskState> {
    return this.#cluster.tasks
  }

  /** The number of events of each kind. */
  get totals(): Counts {
    return countsBy((kind) => this.#totals.get(kind) ?? 0)
  }

  /** Increased with each change of a task, and of a worker. */
  get versions(): { readonly tasks: number; readonly workers: number } {
    return { tasks: this.#tasksVersion, workers: this.#workersVersion }
  }

  /** Restores stored tasks, the newest last, and steps of the charts, and from now on records which of them change. */
  restore(views: readonly TaskView[], steps: readonly ChartStep[]): void {
    for (const { state, history } of views) {
      this.#cluster.restore(state)
      this.#histories.put(state.uuid, history)
    }
    this.#changed = this.#nothingChanged()
    this.#hour.restore(steps.filter(({ span }) => span === 'hour'))
    this.#day.restore(steps.filter(({ span }) => span === 'day'))
  }

  /** The steps of the charts that have changed since the last call. */
  takeChangedSteps(): readonly ChartStep[] {
    return [
      ...this.#hour.takeChanged().map((step) => ({ ...step, span: 'hour' }) as const),
      ...this.#day.takeChanged().map((step) => ({ ...step, span: 'day' }) as const),
    ]
  }

  /** Whether there are changed tasks that were not taken yet. */
  get hasChanged(): boolean {
    return this.#changed !== undefined && this.#changed.views.size > 0
  }

  /** The tasks that have changed since the last call, in their current state. */
  takeChanged(): readonly TaskView[] {
    if (this.#changed === undefined) return []
    const changed = [...this.#changed.views.values()]
    if (changed.length > 0) this.#changed = this.#nothingChanged()
    return changed
  }

  /** Everything known about one task. */
  task(id: string): TaskView | undefined {
    const state = this.tasks.get(id)
    return state === undefined ? undefined : { state, history: this.#histories.views.get(id) ?? NO_HISTORY }
  }

  /** When the last task event of a worker arrived. */
  heardTasksOf(worker: string): number | undefined {
    return this.#heard.entries.get(worker)
  }

  /** Whether a worker reports tasks started since it was first seen: if it sent task events, they would have arrived. */
  hasBegunTasks(worker: string): boolean {
    const before = this.#begunBefore.entries.get(worker)
    return before !== undefined && (this.workers.get(worker)?.processed ?? 0) > before
  }

  /** When a worker last announced that it goes offline, if that is its latest state. */
  leftAt(worker: string): number | undefined {
    return this.#left.entries.get(worker)
  }

  /** Processes one event. */
  apply(event: CeleryEvent): void {
    const [group, subject] = splitType(event.type)
    const before = event.uuid === undefined ? undefined : this.tasks.get(event.uuid)
    this.#cluster.apply(event)
    if (group === 'worker') this.#hearWorker(event, subject)
    if (group !== 'task' || event.uuid === undefined) return
    this.#histories.put(event.uuid, taskHistoryAfter(this.#histories.views.get(event.uuid), event, subject))
    this.#touch(event.uuid)
    if (subject !== 'sent') remember(this.#heard, event.hostname, event.local_received)
    if (isKind(subject)) this.#count(subject, event, before)
  }

  /** Adds a task that a worker reports to hold, and that no event has reported; counts nothing. */
  recall(event: CeleryEvent): void {
    if (event.uuid === undefined) return
    const known = this.tasks.get(event.uuid)
    if (known !== undefined && FINAL.has(known.state)) return
    if (known === undefined || known.state !== 'STARTED') this.#cluster.apply(event)
    this.#histories.put(event.uuid, {
      ...(this.#histories.views.get(event.uuid) ?? NO_HISTORY),
      unknownSince: undefined,
    })
    this.#touch(event.uuid)
  }

  /** Marks a task, not ended when events were missed, that no worker holds any more, since `since`. */
  lose(id: string, since: number): void {
    const history = this.#histories.views.get(id) ?? NO_HISTORY
    if (!this.tasks.has(id) || history.unknownSince !== undefined) return
    this.#histories.put(id, { ...history, unknownSince: since })
    this.#touch(id)
  }

  /** Events per second over the last ten seconds. */
  rates(now: number): Counts {
    const recent = this.#hour.recent(10, now)
    return countsBy((kind) => recent.count(kind) / 10)
  }

  /** Durations of the last five minutes. */
  durations(now: number): Pick<ReturnType<Rates['recent']>, 'runtime' | 'wait'> {
    const { runtime, wait } = this.#hour.recent(300, now)
    return { runtime, wait }
  }

  /**
   * The points of the charts: an hour in steps of ten seconds, a day in steps of five minutes. A count is null if nothing was
   * received: before `since`, and within `gaps`.
   */
  series(span: 'hour' | 'day', now: number, gaps: readonly Gap[] = []): Series {
    const [rates, { step, each }] = span === 'hour' ? [this.#hour, HOUR] : [this.#day, DAY]
    const seconds = step * each
    const stretches = rates.stretches(each, now)
    const unheard = [{ from: 0, to: this.since }, ...gaps]
    const isHeard = stretches.map(
      ({ at }) => !unheard.some(({ from, to = now }) => from <= at && at + seconds <= to && at + seconds <= now),
    )
    const perSecond = (kind: Kind) =>
      stretches.map((stretch, index) => (isHeard[index] ? stretch.count(kind) / seconds : null))
    return {
      step: seconds,
      at: stretches.map(({ at }) => at),
      received: perSecond('received'),
      succeeded: perSecond('succeeded'),
      failed: perSecond('failed'),
      retried: perSecond('retried'),
      runtime50: stretches.map(({ runtime }) => runtime.p50 ?? null),
      runtime95: stretches.map(({ runtime }) => runtime.p95 ?? null),
      wait95: stretches.map(({ wait }) => wait.p95 ?? null),
    }
  }

  /** Records a change after it was made: a task may be evicted before it is taken. */
  #touch(id: string): void {
    this.#tasksVersion += 1
    const view = this.#changed === undefined ? undefined : this.task(id)
    if (view === undefined || this.#changed === undefined) return
    this.#changed.put(id, view)
  }

  #nothingChanged(): BoundedViews<TaskView> {
    return new BoundedViews(MOST_CHANGED, this.#bytes)
  }

  #hearWorker({ hostname, local_received: now }: CeleryEvent, subject: string): void {
    this.#workersVersion += 1
    if (subject === 'offline') remember(this.#left, hostname, now)
    else this.#left.delete(hostname)
    // A worker also announces that it is online after each lost connection, with the number of tasks it has started.
    const begun = this.workers.get(hostname)?.processed ?? (subject === 'online' ? 0 : undefined)
    // A smaller count than before means that it was restarted unseen.
    if (begun !== undefined)
      remember(this.#begunBefore, hostname, Math.min(this.#begunBefore.entries.get(hostname) ?? begun, begun))
  }

  #count(kind: Kind, event: CeleryEvent, before: TaskState | undefined): void {
    const now = event.local_received
    this.#totals.set(kind, (this.#totals.get(kind) as number) + 1)
    for (const rates of [this.#hour, this.#day]) {
      rates.count(kind, now)
      if (kind === 'succeeded' && typeof event.runtime === 'number') rates.ran(event.runtime, now)
      if (kind === 'started' && before?.received !== undefined) rates.waited(event.timestamp - before.received, now)
    }
  }
}

/** Bounded, since names come from the wire: the least recently touched are evicted. */
function remember(moments: TouchOrder<string, number>, name: string, now: number): void {
  moments.put(name, now)
  if (moments.entries.size > MOST_WORKERS) moments.shift()
}

function isKind(subject: string): subject is Kind {
  return (KINDS as readonly string[]).includes(subject)
}

function countsBy(count: (kind: Kind) => number): Counts {
  return Object.fromEntries(KINDS.map((kind) => [kind, count(kind)])) as unknown as Counts
}
