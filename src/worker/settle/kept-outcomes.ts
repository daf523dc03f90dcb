import { hintOf, messageOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { BackoffState } from '../../runtime/time/backoff.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { sizeOfValue } from '../../runtime/value-size.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import { type Trouble, troubleOf } from '../follow-ups/trouble.ts'
import type { Moments } from '../request/moments.ts'
import type { Request } from '../request/request.ts'

/** The parts for keeping outcomes. */
export interface KeptOutcomesParts {
  /** Carries out what follows from an outcome; skips completed steps. */
  readonly settle: (request: Request, outcome: Outcome) => Promise<void>
  /** Ends an attempt that can't be settled: stores its failure, and sets its message aside. */
  readonly end: (request: Request, outcome: Outcome, error: unknown) => Promise<void>
  /** Milliseconds: `resultPatience`. */
  readonly patience: number
  /** Bytes that were sent to the broker and the result backend and are not confirmed yet. */
  readonly underway: () => number
  readonly moments: Pick<Moments, 'halted' | 'resumed'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** The state of the outcomes of finished attempts, for probes. */
export interface OutcomeSigns {
  /** How many outcomes could not be settled yet, and their bytes. */
  readonly kept: number
  readonly bytes: number
  /** Why nothing new is accepted; undefined if it is. */
  readonly halted: string | undefined
  /** For how many milliseconds nothing new has been started because too many bytes are pending; undefined if it is started. */
  readonly fullFor: number | undefined
}

interface Kept {
  readonly request: Request
  readonly since: number
  readonly bytes: number
  readonly backoff: BackoffState
  error: unknown
  trouble: Trouble
  /** It is why nothing new is accepted. */
  halts: boolean
  /** Ends the wait for the next attempt. */
  wake: (() => void) | undefined
}

/** Bytes of outcomes that may be pending: above this nothing new starts. */
export const MOST_BYTES_KEPT = 64 * 1024 * 1024
// Milliseconds between two attempts to set a message aside.
const BETWEEN_ENDS = 30_000
const TOLD_AFTER = [10_000, 30_000, 60_000]

/**
 * Keeps the outcomes of attempts that could not be settled, and retries them with growing pauses, without running the task again.
 * What the broker or the backend refuses is retried for `patience` and then ended; while either is unreachable it is retried
 * without limit. If that lasts longer than `patience`, or this user may not publish, nothing new is accepted until it is over.
 */
export class KeptOutcomes {
  readonly #parts: KeptOutcomesParts
  readonly #kept = new Set<Kept>()
  #bytes = 0
  #halting = 0
  #halted: string | undefined
  #fullSince: number | undefined
  #abandoned = false
  #report: Timer | undefined
  #reports = 0

  constructor(parts: KeptOutcomesParts) {
    this.#parts = parts
  }

  /** How many there are. */
  get size(): number {
    return this.#kept.size
  }

  /** True while nothing new is accepted. */
  get halted(): boolean {
    return this.#halted !== undefined
  }

  /** True while the limit of pending bytes is reached. */
  get full(): boolean {
    const full = this.#bytes + this.#parts.underway() > MOST_BYTES_KEPT
    if (!full) this.#fullSince = undefined
    else this.#fullSince ??= this.#parts.clock.monotonic()
    return full
  }

  get signs(): OutcomeSigns {
    const { clock } = this.#parts
    const fullFor =
      this.full && this.#fullSince !== undefined ? Math.round(clock.monotonic() - this.#fullSince) : undefined
    return { kept: this.#kept.size, bytes: this.#bytes, halted: this.#halted, fullFor }
  }

  /** Retries an outcome that could not be settled at once; resolves when it is settled, or abandoned in a shutdown. */
  async keep(request: Request, outcome: Outcome, error: unknown): Promise<void> {
    const { clock } = this.#parts
    const kept: Kept = {
      request,
      since: clock.monotonic(),
      bytes: sizeOfValue(outcome, MOST_BYTES_KEPT),
      backoff: new BackoffState(clock, Math.random),
      error,
      trouble: troubleOf(error),
      halts: false,
      wake: undefined,
    }
    this.#kept.add(kept)
    this.#bytes += kept.bytes
    this.#tellFirst(kept)
    try {
      await this.#settle(kept, outcome)
    } finally {
      this.#kept.delete(kept)
      this.#bytes -= kept.bytes
      if (kept.halts) this.#halting -= 1
      this.#judge()
    }
  }

  /** Retries all of them now: in a shutdown there may be no later chance. */
  tryNow(): void {
    for (const { wake } of this.#kept) wake?.()
  }

  /** Stops retrying: their messages were returned. */
  abandon(): void {
    this.#abandoned = true
    this.tryNow()
  }

  async #settle(kept: Kept, outcome: Outcome): Promise<void> {
    const { settle, patience } = this.#parts
    const { request } = kept
    for (let error = kept.error; ; ) {
      kept.error = error
      kept.trouble = troubleOf(error)
      this.#weigh(kept)
      const over = kept.trouble === 'refused' && this.#ageOf(kept) >= patience
      if (kept.trouble === 'never' || (over && request.progress?.impatient === true))
        return await this.#end(kept, outcome)
      // One more attempt, in which a refusal counts.
      if (over) request.remembered.impatient = true
      await this.#rest(kept, kept.backoff.failed())
      if (this.#isGone(kept)) return
      try {
        return await settle(request, outcome)
      } catch (again) {
        error = again
      }
    }
  }

  /** Tries to set the message aside for as long as necessary. */
  async #end(kept: Kept, outcome: Outcome): Promise<void> {
    const { end } = this.#parts
    const { error } = kept
    while (!this.#isGone(kept)) {
      try {
        return await end(kept.request, outcome, error)
      } catch (again) {
        kept.error = again
        kept.trouble = troubleOf(again)
        this.#weigh(kept)
        const pause = kept.backoff.failed()
        await this.#rest(kept, kept.trouble === 'away' || kept.trouble === 'forbidden' ? pause : BETWEEN_ENDS)
      }
    }
  }

  #isGone({ request }: Kept): boolean {
    return this.#abandoned || request.givenBack
  }

  async #rest(kept: Kept, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.after(ms, resolve)
      kept.wake = () => {
        timer.cancel()
        resolve()
      }
      if (this.#abandoned) kept.wake()
    })
    kept.wake = undefined
  }

  #ageOf({ since }: Kept): number {
    return this.#parts.clock.monotonic() - since
  }

  /** Whether this outcome is a reason to accept nothing new. */
  #weigh(kept: Kept): void {
    const { trouble, error } = kept
    const patienceOver = TwqError.is(error, 'TWQ_RESULT_BACKEND') || this.#ageOf(kept) >= this.#parts.patience
    const halts = trouble === 'forbidden' || (trouble === 'away' && patienceOver)
    if (halts !== kept.halts) this.#halting += halts ? 1 : -1
    kept.halts = halts
    this.#judge()
  }

  #judge(): void {
    const { logger, moments } = this.#parts
    if (this.#halting > 0 && this.#halted === undefined) {
      const [first] = [...this.#kept].filter(({ halts }) => halts)
      this.#halted = messageOf(first?.error)
      logger.error(
        { event: 'worker.halted', ...this.#fields(), error: this.#halted, hint: hintOf(first?.error) },
        'outcomes of tasks cannot be settled: nothing new is taken until they can',
      )
      moments.halted()
    } else if (this.#halting === 0 && this.#halted !== undefined) {
      this.#halted = undefined
      logger.info({ event: 'worker.resumed' }, 'outcomes can be settled again: tasks are taken')
      moments.resumed()
    }
    if (this.#kept.size > 0) return
    this.#report?.cancel()
    this.#report = undefined
    this.#reports = 0
  }

  /** Logs one line now, and further ones at growing intervals while outcomes are kept. */
  #tellFirst({ request, error }: Kept): void {
    if (this.#report !== undefined) return
    const { message, queue } = request
    const task = { task_id: message.id, task: message.task, queue }
    this.#parts.logger.warn(
      { event: 'task.unsettled', ...task, error: messageOf(error), hint: hintOf(error) },
      'the outcome of a task could not be settled; it is kept, and settled again',
    )
    this.#reportLater()
  }

  #reportLater(): void {
    const { clock, logger } = this.#parts
    const after = TOLD_AFTER[Math.min(this.#reports, TOLD_AFTER.length - 1)] ?? 0
    const before = this.#reports === 0 ? 0 : (TOLD_AFTER[Math.min(this.#reports, TOLD_AFTER.length) - 1] ?? 0)
    const wait = this.#reports < TOLD_AFTER.length ? after - before : after
    this.#report = clock.after(wait, () => {
      this.#reports += 1
      const [oldest] = this.#kept
      if (oldest === undefined) return
      const fields = { ...this.#fields(), waiting_ms: Math.round(this.#ageOf(oldest)), error: messageOf(oldest.error) }
      logger.warn({ event: 'outcomes.kept', ...fields }, 'outcomes of tasks wait to be settled')
      this.#reportLater()
    })
  }

  #fields(): object {
    return { kept: this.#kept.size, bytes: this.#bytes }
  }
}
