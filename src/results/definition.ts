import type { Publisher } from '../broker/publisher.ts'
import type { Session } from '../broker/session.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import type { ResultBackend } from './backend.ts'
import type { ReadingParts, ResultReader } from './reader.ts'
import type { Replies } from './replies.ts'

/** What a worker passes to `openBackend`. Times in milliseconds. */
export interface StoringParts {
  /** The worker's node name: `twq@host`. */
  readonly node: string
  /** How long results are kept; 0 means for ever. */
  readonly expires: number
  /** Celery's `result_extended`: results also contain the task as sent, and its worker. */
  readonly extended: boolean
  /** The prefix of result keys: Celery's `global_keyprefix`. */
  readonly keyPrefix: string
  /** How long storing a result is retried before `store` rejects. */
  readonly patience: number
  readonly clock: Clock
}

/**
 * A result backend that can be opened: how workers store results, how clients read them, and its description in the banner,
 * remote control and `twq doctor`. A custom one is given as `resultBackend`.
 */
export interface ResultBackendDefinition {
  /** Its location for display, without passwords. */
  readonly shown: string
  /** The same in Celery's form, `result_backend` of `inspect conf`; `shown` if left out. */
  readonly celeryName?: string
  /** A sentence on how TLS does not verify its server; undefined if it does. */
  readonly unverifiedTls?: string | undefined
  /** Throws `TWQ_CONFIG` if a required package is not installed: earlier than the first connection would. */
  requirePackages?(): void
  /** Opens the backend for a worker, which starts and stops its `service`. */
  openBackend(parts: StoringParts): ResultBackend
  /** Opens the reader of results for clients and for tasks that send tasks; left out if results can't be read. */
  openReader?(parts: ReadingParts): ResultReader
  /**
   * Checks for `twq doctor`, within `timeout` milliseconds, whether it works. Resolves with a sentence; rejects with the reason.
   */
  examine?(timeout: number): Promise<string>
}

/** Additional parts for the backends of this package. */
export interface BuiltInStoringParts extends StoringParts {
  readonly publisher: Publisher
  readonly logger: EventLogger
  /** Aborts when the worker begins to shut down. */
  readonly leaving: AbortSignal
}

/** Additional parts for reading. */
export interface BuiltInReadingParts extends ReadingParts {
  readonly logger: EventLogger | undefined
}

/** A definition as twq itself opens it: results may be sent through the broker and read over each session with it. */
export interface BuiltInDefinition extends Omit<ResultBackendDefinition, 'openBackend' | 'openReader'> {
  /** What stores the results, for display: `Redis`. */
  readonly product?: string
  openBackend(parts: BuiltInStoringParts): ResultBackend
  openReader?(parts: BuiltInReadingParts): ResultReader
  /** Instead of `openReader`, if results are sent back to their reader. */
  openReplies?(session: Session, logger: EventLogger | undefined): Replies
}

/** A kind of result backend that a text in `resultBackend` may select. */
export interface ResultBackendKind {
  /** The form of such texts, to follow "must be". */
  readonly form: string
  /** Whether a text means this kind, even if malformed. */
  matches(text: string): boolean
  /** The backend for a text. Throws `TWQ_CONFIG`, without passwords, if it can't be used. */
  define(text: string): BuiltInDefinition
}
