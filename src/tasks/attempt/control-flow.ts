import type { Stamps } from '../../protocol/stamps.ts'
import type { Json } from '../../runtime/json.ts'
import { brandOf } from '../brand.ts'
import type { RetryOptions } from '../retry-options.ts'

// A registered symbol, so that values thrown by another copy of the package are recognized.
const CONTROL_FLOW = Symbol.for('twq.control-flow')

/** Thrown by a task to run again: `throw new Retry({ countdown: '30s' })`. Not an error; `ctx.retry()` throws one. */
export class Retry extends Error {
  readonly options: RetryOptions

  constructor(options: RetryOptions = {}) {
    super('the task asks to be retried', options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Retry'
    this.options = options
    Object.defineProperty(this, CONTROL_FLOW, { value: 'retry' })
  }
}

/** Thrown by a task that rejects its message: dropped, or returned to the queue with `requeue`. */
export class Reject extends Error {
  readonly reason: string
  readonly requeue: boolean

  constructor(reason = '', options: { readonly requeue?: boolean } = {}) {
    super(reason)
    this.name = 'Reject'
    this.reason = reason
    this.requeue = options.requeue ?? false
    Object.defineProperty(this, CONTROL_FLOW, { value: 'reject' })
  }
}

/** Thrown by a task whose attempt should leave no record: the message is acknowledged, no state is stored. */
export class Ignore extends Error {
  constructor() {
    super('the task asks to be ignored')
    this.name = 'Ignore'
    Object.defineProperty(this, CONTROL_FLOW, { value: 'ignore' })
  }
}

/** Thrown by `ctx.replace()`: the signature runs in place of the task. */
export class Replace extends Error {
  readonly signature: Json
  readonly stamps: Stamps | undefined

  constructor(signature: Json, stamps?: Stamps) {
    super('the task asks to be replaced')
    this.name = 'Replace'
    this.signature = signature
    this.stamps = stamps
    Object.defineProperty(this, CONTROL_FLOW, { value: 'replace' })
  }
}

/** Thrown by `ctx.retry()` after too many retries if no cause was given; named as in Celery. */
export class MaxRetriesExceededError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MaxRetriesExceededError'
  }
}

/** What a task requested by throwing. */
export type ControlFlow =
  | { readonly kind: 'retry'; readonly options: RetryOptions }
  | { readonly kind: 'reject'; readonly reason: string; readonly requeue: boolean }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'replace'; readonly signature: Json; readonly stamps: Stamps | undefined }

/** Interprets a thrown value as control flow, by brand; undefined for an ordinary error. */
export function controlFlowOf(thrown: unknown): ControlFlow | undefined {
  switch (brandOf(thrown, CONTROL_FLOW)) {
    case 'retry':
      return { kind: 'retry', options: (thrown as Retry).options ?? {} }
    case 'reject': {
      const { reason, requeue } = thrown as Reject
      return { kind: 'reject', reason: String(reason), requeue: requeue === true }
    }
    case 'ignore':
      return { kind: 'ignore' }
    case 'replace': {
      const { signature, stamps } = thrown as Replace
      return { kind: 'replace', signature, stamps }
    }
    default:
      return undefined
  }
}
