import type { Publisher } from '../broker/publisher.ts'
import type { Session } from '../broker/session.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import type { ResultBackend } from './backend.ts'
import type { ReadingParts, ResultReader } from './reader.ts'
import type { Replies } from './replies.ts'

/** The parts that a worker gives to `openBackend`. Times in milliseconds. */
export interface StoringParts {
  /** The worker's node name: `twq@host`. */
  readonly node: string
  /** How long results are kept; 0 keeps them for ever. */
  readonly expires: number
  /** Celery's `result_extended`: results also say what was run, and where. */
  readonly extended: boolean
  /** The prefix of result keys: Celery's `global_keyprefix`. */
  readonly keyPrefix: string
  /** How long a result is tried to be stored before `store` rejects. */
  readonly patience: number
  readonly clock: Clock
}

/**
 * A result backend, ready to be opened: how it stores results in a worker, how clients read them, and what the banner, remote
 * control and `twq doctor` say of it. One of your own is given as `resultBackend`.
 */
export interface ResultBackendDefinition {
  /** Where results are, for people: without passwords. */
  readonly shown: string
  /** The same as Celery writes it, `result_backend` of `inspect conf`; `shown` where this is left out. */
  readonly celeryName?: string
  /** How TLS leaves its server unverified, as a sentence; undefined where it does not. */
  readonly unverifiedTls?: string | undefined
  /** Throws `TWQ_CONFIG` where a package that it needs is not installed: sooner than the first connection would. */
  requirePackages?(): void
  /** Opens the backend that stores the results of a worker, which starts and stops its `service`. */
  openBackend(parts: StoringParts): ResultBackend
  /** Opens the reader of results, in clients and for the tasks that tasks send; left out where results can't be read. */
  openReader?(parts: ReadingParts): ResultReader
  /** Tests for `twq doctor`, within `timeout` milliseconds, whether it works. Resolves with a sentence; rejects with the reason why not. */
  examine?(timeout: number): Promise<string>
}

/** The parts that a backend of this package has besides. */
export interface BuiltInStoringParts extends StoringParts {
  readonly publisher: Publisher
  readonly logger: EventLogger
  /** Aborts when the worker begins to leave. */
  readonly leaving: AbortSignal
}

/** The parts that reading has besides. */
export interface BuiltInReadingParts extends ReadingParts {
  readonly logger: EventLogger | undefined
}

/** A definition as twq itself opens it: results may go through the broker, and be read over each session with it. */
export interface BuiltInDefinition extends Omit<ResultBackendDefinition, 'openBackend' | 'openReader'> {
  /** What keeps the results, for people: `Redis`. */
  readonly product?: string
  openBackend(parts: BuiltInStoringParts): ResultBackend
  openReader?(parts: BuiltInReadingParts): ResultReader
  /** Instead of `openReader`: where results are sent back to their reader. */
  openReplies?(session: Session, logger: EventLogger | undefined): Replies
}

/** A kind of result backend that a text of `resultBackend` may choose. */
export interface ResultBackendKind {
  /** The form of such texts, to follow "must be". */
  readonly form: string
  /** Whether a text means this kind, well-formed or not. */
  matches(text: string): boolean
  /** The backend that a text means. Throws `TWQ_CONFIG`, without passwords, for one that can't be used. */
  define(text: string): BuiltInDefinition
}
