import type { Connection } from '../broker/broker.ts'
import { TwqError } from '../errors.ts'
import type { FailedMessage } from '../queues/failed.ts'
import type { FailedSweep } from '../queues/failed-sweep.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { Clock } from '../runtime/time/clock.ts'

/** A filter for failures; without any field, all of the queue. */
export interface FailedQuery {
  /** The task queue that they came from. Default: the client's. */
  readonly queue?: string
  /** A task's id, or several. */
  readonly id?: string | readonly string[]
  /** The name of a task, or a pattern like `emails.*`. */
  readonly task?: string
  /** The type of the last error, like `ValueError`. */
  readonly error?: string
  /** The detail or the traceback of the last error contains this text. */
  readonly text?: string
  /** Failed at or after the first time, and before the second. */
  readonly since?: Date
  readonly before?: Date
  /** The maximum number of messages to examine, the oldest. */
  readonly limit?: number
}

/** How many leave the queue of failures, and how fast. */
export interface FailedChange extends FailedQuery {
  /** Per second; without it as fast as the broker accepts them. */
  readonly rate?: number
  /** Counts them without changing anything. */
  readonly dryRun?: boolean
  /** Ends it between two messages, without an error. */
  readonly signal?: AbortSignal
}

/**
 * The permanently failed tasks that workers keep in `<queue>.failed` (docs/failed-tasks.md). Every call opens its own connection,
 * and rejects with `TWQ_QUEUE_MISSING` if there is no such queue, or with a `TWQ_BROKER_…` error.
 */
export interface FailedTasks {
  /**
   * The failures, oldest first, each attempt once: they are read one at a time, and none is removed. After a `break` no more are
   * read.
   */
  list(query?: FailedQuery): AsyncIterable<FailedMessage>
  /** Runs them again: each is removed only once the broker has its new message. */
  retry(change?: FailedChange): Promise<FailedSweep>
  /**
   * Runs one again with other arguments, which are not checked against the task: the worker fails the task if they do not fit.
   */
  edit(
    id: string,
    args: { readonly args?: readonly Json[]; readonly kwargs?: JsonObject },
    query?: Pick<FailedQuery, 'queue'>,
  ): Promise<FailedSweep>
  /** Deletes them. */
  drop(change?: FailedChange): Promise<FailedSweep>
}

type Sweeps = typeof import('../queues/failed-sweep.ts')

// Loaded on the first call: every client and worker imports this file, and few of them use failures.
const loadMessages = () => import('../queues/failed.ts')
const loadSweeps = (): Promise<Sweeps> => import('../queues/failed-sweep.ts')
const retryFailed: Sweeps['retryFailed'] = async (...query) => (await loadSweeps()).retryFailed(...query)
const dropFailed: Sweeps['dropFailed'] = async (...query) => (await loadSweeps()).dropFailed(...query)

/** The failed tasks that a client sees. */
export function failedTasks(connect: () => Promise<Connection>, defaultQueue: string, clock: Clock): FailedTasks {
  const change = async (
    work: Sweeps['dropFailed'],
    { queue = defaultQueue, rate, dryRun, signal, ...query }: FailedChange,
  ): Promise<FailedSweep> => {
    await using connection = await connect()
    const how = { filter: filterOf(query), limit: query.limit, rate, dryRun, clock, ...(signal && { signal }) }
    return await work(connection, queue, how)
  }
  return {
    async *list({ queue = defaultQueue, limit, ...query } = {}) {
      const { failedMessages } = await loadMessages()
      await using connection = await connect()
      yield* failedMessages(connection, queue, filterOf(query), { limit })
    },
    retry: (options = {}) => change(retryFailed, options),
    edit: (id, { args, kwargs }, { queue } = {}) => {
      if (args === undefined && kwargs === undefined) {
        return Promise.reject(new TwqError('TWQ_ARGUMENTS', 'edit takes args, kwargs, or both'))
      }
      return change((connection, name, options) => retryFailed(connection, name, options, { args, kwargs }), {
        id,
        ...(queue !== undefined && { queue }),
      })
    },
    drop: (options = {}) => change(dropFailed, options),
  }
}

function filterOf({ id, since, before, task, error, text }: Omit<FailedQuery, 'queue' | 'limit'>) {
  return {
    task,
    error,
    text,
    ids: id === undefined ? undefined : new Set(typeof id === 'string' ? [id] : id),
    since: since?.getTime(),
    before: before?.getTime(),
  }
}
