import type { Session } from '../../broker/session.ts'
import { type Ask, type Inspector, inspectorOf, type WorkerAnswers } from '../../client/inspector.ts'
import { TwqError } from '../../errors.ts'
import { isAlive } from '../../events/worker-state.ts'
import type { ConsumedQueue, WorkerStatistics } from '../../protocol/remote/inspect-answers.ts'
import type { CeleryEvent } from '../../protocol/remote/read-event.ts'
import { jsonForPeople } from '../../runtime/text/json-for-people.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { askOn } from '../../sending/broadcast.ts'
import { FINAL, type MonitorStore } from '../store/monitor-store.ts'

/** A worker's answers about itself. */
export interface WorkerAnswer {
  readonly statistics: WorkerStatistics
  readonly queues: readonly ConsumedQueue[]
  /** How many tasks it had started when it first answered. */
  readonly begunBefore: number
  /** Seconds since the epoch. */
  readonly asked: number
}

// Names come from the wire.
const MOST_WORKERS = 5_000
const TIMEOUT = 2_000

/** Queries workers, each request on a channel of its own. */
export class Inspections {
  readonly #session: Session
  readonly #clock: Clock
  #answers: ReadonlyMap<string, WorkerAnswer> = new Map()

  constructor(session: Session, clock: Clock) {
    this.#session = session
    this.#clock = clock
  }

  /** The latest answer of each worker that has answered. */
  get answers(): ReadonlyMap<string, WorkerAnswer> {
    return this.#answers
  }

  /** Queries statistics and queues. */
  async refresh(): Promise<void> {
    const inspector = this.#inspector()
    const [statistics, queues] = await Promise.all([answersTo(inspector.stats()), answersTo(inspector.activeQueues())])
    const asked = this.#clock.now() / 1000
    const fresh = [...statistics].map(([name, answer]) => {
      const before = this.#answers.get(name)
      const begun = begunOf(answer)
      const begunBefore = Math.min(before?.begunBefore ?? begun, begun)
      return [
        name,
        { statistics: answer, queues: queues.get(name) ?? before?.queues ?? [], begunBefore, asked },
      ] as const
    })
    const kept = [...this.#answers].filter(([name]) => !statistics.has(name))
    this.#answers = new Map([...kept, ...fresh].slice(-MOST_WORKERS))
  }

  /**
   * Queries the tasks that workers hold, and adds them to the store. A task that was in progress before events were missed at
   * `since`, and that no answering worker holds any more, is marked: its end was not seen. So is one known only from its sender:
   * it may have been received, and have ended, unseen. Resolves with the workers that have answered.
   */
  async catchUp(store: MonitorStore, since: number | undefined): Promise<Iterable<string>> {
    const inspector = this.#inspector()
    const [active, reserved, scheduled] = await Promise.all([
      answersTo(inspector.active()),
      answersTo(inspector.reserved()),
      answersTo(inspector.scheduled()),
    ])
    const now = this.#clock.now() / 1000
    const held = new Set<string>()
    for (const [hostname, tasks] of [...active, ...reserved, ...scheduled]) {
      const isActive = tasks === active.get(hostname)
      for (const { id, name, args, kwargs, startedAt } of tasks) {
        held.add(id)
        const timestamp = startedAt === undefined ? now : startedAt.getTime() / 1000
        const told = { name, args: textOf(args), kwargs: textOf(kwargs) }
        const type = isActive ? 'task-started' : 'task-received'
        const event = { type, hostname, uuid: id, timestamp, clock: 0, local_received: now, ...told }
        store.recall(event as unknown as CeleryEvent)
      }
    }
    if (since === undefined) return active.keys()
    for (const { uuid, state, worker, timestamp } of [...store.tasks.values()]) {
      if (FINAL.has(state) || held.has(uuid)) continue
      // By the monitor's clock: a worker's may be ahead.
      if ((store.task(uuid)?.history.heard ?? timestamp) >= since) continue
      const answered = worker !== undefined && [active, reserved, scheduled].every((answers) => answers.has(worker))
      const host = worker === undefined ? undefined : store.workers.get(worker)
      if (answered || host === undefined || !isAlive(host, now)) store.lose(uuid, since)
    }
    return active.keys()
  }

  #inspector(): Inspector {
    return inspectorOf(this.#ask, { timeout: TIMEOUT })
  }

  readonly #ask: Ask = async (method, args, options) => {
    const signal = AbortSignal.timeout(options.timeout + TIMEOUT)
    return await this.#session.withChannel(
      (channel) => {
        const server = this.#session.connection?.server
        if (server === undefined)
          throw new TwqError('TWQ_CONNECTION_LOST', `the broker was lost before ${method} was sent`)
        return askOn(channel, method, args, { ...options, server, clock: this.#clock, signal })
      },
      { signal },
    )
  }
}

/** How many tasks a worker has started. */
export function begunOf({ total }: WorkerStatistics): number {
  return [...total.values()].reduce((sum, count) => sum + count, 0)
}

/** The answers, empty if there is no worker. */
async function answersTo<Answer>(asked: Promise<WorkerAnswers<Answer>>): Promise<ReadonlyMap<string, Answer>> {
  try {
    return (await asked).workers
  } catch (error) {
    if (TwqError.is(error, 'TWQ_NO_WORKER')) return new Map()
    throw error
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : jsonForPeople(value)
}
