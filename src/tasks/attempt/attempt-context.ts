import { TwqError } from '../../errors.ts'
import type { State } from '../../protocol/result-record.ts'
import { areStamps, STAMPS_EXPECTED } from '../../protocol/stamps.ts'
import { displayOfOthers } from '../../protocol/task/argument-display.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Json } from '../../runtime/json.ts'
import type { TaskContext } from '../context.ts'
import type { RetryOptions } from '../retry-options.ts'
import { requestedRetry } from '../retry-policy.ts'
import type { Send } from '../sending.ts'
import { type TaskLogger, taskLogger } from '../task-logger.ts'
import { MaxRetriesExceededError, Replace, Retry } from './control-flow.ts'
import type { Attempt } from './invocation.ts'
import { passedOn } from './pass-on.ts'
import { portableValue } from './portable.ts'
import { retryExpiry, retryTime } from './retry-time.ts'

// How a task ends follows from how its code ends; these states can't be stored in between.
const RESERVED_STATES: readonly State[] = ['SUCCESS', 'FAILURE', 'RETRY', 'REVOKED']

/**
 * The context of one attempt. Expensive parts are created on first use, since most tasks use few; methods are created by getters
 * and bound, so that a task may destructure them: `run(args, { progress, retry })`.
 */
export class AttemptContext implements TaskContext {
  readonly #attempt: Attempt
  #log: TaskLogger | undefined
  #logFields: Readonly<Record<string, unknown>> | undefined
  #send: Send | undefined
  #ended = false
  #passOn: Record<string, string> | undefined
  /** The retry limit that the code last named: it also applies to the error that the attempt then ends with. */
  retryLimit: number | null | undefined

  constructor(attempt: Attempt) {
    this.#attempt = attempt
  }

  get id(): string {
    return this.request.id
  }

  get name(): string {
    return this.request.task
  }

  get idempotencyKey(): string {
    const { id, replacedTaskNesting: nesting } = this.request
    return nesting === 0 ? id : `${id}.${nesting}`
  }

  get queue(): string {
    return this.#attempt.invocation.queue
  }

  get attempt(): number {
    return this.request.retries + 1
  }

  get redelivered(): boolean {
    return this.#attempt.invocation.redelivered
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get request(): TaskMessage {
    return this.#attempt.invocation.message
  }

  get log(): TaskLogger {
    const fields = { task_id: this.id, task: this.name, attempt: this.attempt }
    this.#log ??= taskLogger(this.#attempt.logger.child({ ...this.#logFields, ...fields }))
    return this.#log
  }

  /** Adds fields to each later log line; the attempt's own fields can't be replaced. */
  addLogFields(fields: Readonly<Record<string, unknown>>): void {
    this.#logFields = { ...this.#logFields, ...fields }
    this.#log = undefined
  }

  get send(): Send {
    this.#send ??= this.#attempt.sendFor(this.request)
    return this.#send
  }

  get progress(): TaskContext['progress'] {
    return (meta) => this.#store('PROGRESS', meta)
  }

  get updateState(): TaskContext['updateState'] {
    return (state, meta) => this.#store(state, meta)
  }

  get retry(): TaskContext['retry'] {
    return (options = {}) => this.#retry(options)
  }

  get replace(): TaskContext['replace'] {
    return (signature, { stamps } = {}) => {
      if (stamps !== undefined && !areStamps(stamps)) {
        throw new TwqError('TWQ_ARGUMENTS', `the stamps of a replacement must be ${STAMPS_EXPECTED}`)
      }
      // A canvas value serializes itself.
      throw new Replace(signature as Json, stamps)
    }
  }

  get addToChord(): TaskContext['addToChord'] {
    return (signature) => this.#addToChord(signature as Json)
  }

  /** Texts of the plugins around the attempt, for messages that the worker sends because of it. */
  get passOn(): Record<string, string> {
    this.#passOn ??= {}
    return this.#passOn
  }

  /** After this the attempt stores nothing: an unawaited promise must not overwrite its result. */
  end(): void {
    this.#ended = true
  }

  #store(state: State, meta: Json): Promise<void> {
    if (RESERVED_STATES.includes(state)) {
      return Promise.reject(
        new TwqError('TWQ_ARGUMENTS', `updateState can't store the state ${state}`, {
          hint: 'Return a value for SUCCESS, throw an error for FAILURE, call ctx.retry() for RETRY',
        }),
      )
    }
    if (this.#ended) {
      this.log.warn({ state }, 'state not stored: the attempt is over')
      return Promise.resolve()
    }
    const stored = this.#report(state, meta)
    // A task need not await its progress: in any case a failure to store it must not end the process.
    stored.catch(() => {})
    return stored
  }

  async #report(state: State, meta: Json): Promise<void> {
    await this.#attempt.onState(state, portableValue(meta, 'meta', this.#attempt.maxResultSize))
  }

  async #addToChord(signature: Json): Promise<string> {
    const { onAddToChord } = this.#attempt
    if (onAddToChord === undefined) throw new TwqError('TWQ_USAGE', 'nothing can be added to a chord here')
    // Its chord may be complete as soon as this task is counted.
    if (this.#ended) {
      throw new TwqError('TWQ_CLOSED', 'nothing added to the chord: the attempt is over', {
        hint: 'Await ctx.addToChord() before the task returns.',
      })
    }
    return await onAddToChord.call(this.#attempt, signature, passedOn(this.#passOn ?? {}, this.#attempt))
  }

  #retry(options: RetryOptions): never {
    const { task, clock, random } = this.#attempt
    const now = clock.now()
    const at = retryTime(options, now)
    retryExpiry(options, now)
    this.retryLimit = options.limit
    const facts = { retries: this.request.retries, at, limit: options.limit, now, random }
    const decision = requestedRetry(task.settings.retry, facts)
    if (decision.kind === 'give-up') throw tooManyRetries(this.request, options.cause)
    throw new Retry(options)
  }
}

/** The error of a task that requested one retry too many: its own reason, else the error that Celery raises. */
export function tooManyRetries(message: TaskMessage, cause: unknown): unknown {
  if (cause !== undefined && cause !== null) return cause
  // Celery shows the arguments themselves, even if their sender chose a display text.
  const { argsRepr, kwargsRepr } = displayOfOthers(message, message.args, message.kwargs)
  return new MaxRetriesExceededError(`Can't retry ${message.task}[${message.id}] args:${argsRepr} kwargs:${kwargsRepr}`)
}
