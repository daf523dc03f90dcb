import { TwqError } from '../errors.ts'
import {
  type ConsumedQueue,
  clockIn,
  errorIn,
  type FoundTask,
  foundIn,
  type InspectedTask,
  inCamelCase,
  okIn,
  queuesIn,
  type RunnableTask,
  registeredIn,
  type ScheduledTask,
  scheduledIn,
  statisticsIn,
  tasksIn,
  textsIn,
  type WorkerStatistics,
} from '../protocol/remote/inspect-answers.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { type AskOptions, listening, nobodyAnswered } from '../sending/broadcast.ts'

/** Which workers to ask, and how long to wait for answers. */
export interface InspectOptions {
  /** The node names of workers; by default all are asked. */
  readonly destination?: readonly string[]
  /**
   * Milliseconds, or a duration like `'5s'`, to wait for all answers; less if every `destination` has answered. By default it
   * ends soon after the last answer, and after 3 s.
   */
  readonly timeout?: number | string
  readonly signal?: AbortSignal
}

/** The answers of workers, by node name. */
export interface WorkerAnswers<Answer> {
  readonly workers: ReadonlyMap<string, Answer>
  /** The errors of workers that could not answer, by node name. */
  readonly errors: ReadonlyMap<string, string>
}

/**
 * Queries the state of workers, Python's and ours: Celery's `app.control.inspect()`. Each method rejects with `TWQ_NO_WORKER` if
 * none answers, and with `TWQ_BROKER_UNREACHABLE` if none could be asked in time.
 */
export interface Inspector {
  /** The workers that answer. */
  ping(): Promise<WorkerAnswers<'pong'>>
  /** The running tasks. */
  active(): Promise<WorkerAnswers<readonly InspectedTask[]>>
  /** The tasks that wait for a slot. */
  reserved(): Promise<WorkerAnswers<readonly InspectedTask[]>>
  /** The tasks that wait for their ETA. */
  scheduled(): Promise<WorkerAnswers<readonly ScheduledTask[]>>
  /** The state of tasks, by id. */
  queryTask(ids: string | readonly string[]): Promise<WorkerAnswers<ReadonlyMap<string, FoundTask>>>
  /** The tasks they can run, with attributes under Celery's names: `rate_limit` and others. */
  registered(attributes?: readonly string[]): Promise<WorkerAnswers<readonly RunnableTask[]>>
  /** The revoked ids. */
  revoked(): Promise<WorkerAnswers<readonly string[]>>
  /** Counters and settings. */
  stats(): Promise<WorkerAnswers<WorkerStatistics>>
  /** The queues they consume. */
  activeQueues(): Promise<WorkerAnswers<readonly ConsumedQueue[]>>
  /** Their configuration, under Celery's names in camelCase; on request including defaults. */
  conf(options?: { readonly withDefaults?: boolean }): Promise<WorkerAnswers<JsonObject>>
  /** Versions and settings, as a text for a bug report. */
  report(): Promise<WorkerAnswers<string>>
  /** Their logical clocks. */
  clock(): Promise<WorkerAnswers<number>>
}

/** Asks workers; resolves with the reply of each. */
export type Ask = (method: string, args: JsonObject, options: AskOptions) => Promise<ReadonlyMap<string, Json>>

/** An inspector that sends requests through `ask`. Throws `TWQ_ARGUMENTS` for invalid options. */
export function inspectorOf(ask: Ask, { destination, timeout, signal }: InspectOptions): Inspector {
  const within = timeout === undefined ? undefined : parseDuration(timeout)
  if (timeout !== undefined && within === undefined) {
    throw new TwqError('TWQ_ARGUMENTS', `timeout must be milliseconds or a duration, got ${shownValue(timeout)}`)
  }
  if (destination !== undefined && !(Array.isArray(destination) && destination.length > 0)) {
    throw new TwqError('TWQ_ARGUMENTS', 'destination must be a list of node names, one at least')
  }
  const options: AskOptions = { ...listening(within, destination), ...(signal && { signal }) }

  async function all<Answer>(
    method: string,
    read: (reply: Json) => Answer | undefined,
    args: JsonObject = {},
  ): Promise<WorkerAnswers<Answer>> {
    const replies = await ask(method, args, options)
    if (replies.size === 0) throw nobodyAnswered(options, 'Ask again with a longer timeout')
    const workers = new Map<string, Answer>()
    const errors = new Map<string, string>()
    for (const [node, reply] of replies) {
      const error = errorIn(reply)
      const answer = error === undefined ? read(reply) : undefined
      if (answer === undefined) errors.set(node, error ?? `its answer to ${method} can't be read`)
      else workers.set(node, answer)
    }
    return { workers, errors }
  }

  return {
    ping: () => all('ping', (reply) => (okIn(reply) === 'pong' ? 'pong' : undefined)),
    active: () => all('active', tasksIn),
    reserved: () => all('reserved', tasksIn),
    scheduled: () => all('scheduled', scheduledIn),
    queryTask: (ids) => all('query_task', foundIn, { ids: typeof ids === 'string' ? [ids] : [...ids] }),
    registered: (attributes = []) =>
      all('registered', registeredIn, attributes.length === 0 ? {} : { taskinfoitems: [...attributes] }),
    revoked: () => all('revoked', textsIn),
    stats: () => all('stats', statisticsIn),
    activeQueues: () => all('active_queues', queuesIn),
    conf: ({ withDefaults = false } = {}) => all('conf', inCamelCase, withDefaults ? { with_defaults: true } : {}),
    report: () => all('report', okIn),
    clock: () => all('clock', clockIn),
  }
}
