import { hintOf, messageOf } from '../../errors.ts'
import type { Crew } from '../../pool/crew.ts'
import type { Pool, RunOptions } from '../../pool/pool.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Invocation } from '../../tasks/attempt/invocation.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'

/** The parts that isolation works with. */
export interface IsolationParts {
  /** A crew of one process, not started; undefined if tasks can't be loaded a second time. */
  readonly openCrew: (() => Crew) | undefined
  /** Whether a separate process can run the task of this name. */
  readonly canRun: (task: string) => boolean
  readonly clock: Clock
  readonly logger: EventLogger
}

// It takes a second to start, and holds as much memory as a small worker.
const IDLE_TIME = 60_000

/**
 * A process in which suspects run, so that one that kills its process ends only that. It is started when the first suspect
 * arrives, and leaves when there have been none for a minute. If it can't be used, nothing runs isolated any more.
 */
export class Isolation implements Pick<Pool, 'run'> {
  readonly #parts: IsolationParts
  #crew: Crew | undefined
  #opening: Promise<void> | undefined
  #usable: boolean
  #running = 0
  #idle: Timer | undefined
  #stopped = false

  constructor(parts: IsolationParts) {
    this.#parts = parts
    this.#usable = parts.openCrew !== undefined
  }

  /** Whether a task would run isolated. */
  covers(task: string): boolean {
    return this.#usable && this.#parts.canRun(task)
  }

  /** Whether it would run at once. */
  get ready(): boolean {
    return this.#crew?.free === true
  }

  /** Resolves when an attempt can run at once, or none can run isolated at all. Never rejects. */
  async prepare(): Promise<void> {
    if (this.#stopped) return
    this.#opening ??= this.#open()
    await this.#opening
    await this.#crew?.untilFree()
  }

  /** Like a pool's `run`; if `ready` was awaited, it begins at once. */
  async run(invocation: Invocation, options: RunOptions): Promise<Outcome> {
    if (this.#crew === undefined) return { kind: 'interrupted' }
    this.#idle?.cancel()
    this.#running += 1
    const outcome = await this.#crew.run(invocation, options)
    this.#running -= 1
    this.#rest()
    return outcome
  }

  /** Ends the process; its running attempt is interrupted when `deadline` aborts. */
  async stop({ deadline }: { readonly deadline: AbortSignal }): Promise<void> {
    this.#stopped = true
    this.#idle?.cancel()
    await this.#crew?.stop({ deadline })
  }

  async #open(): Promise<void> {
    const { openCrew, logger } = this.#parts
    if (openCrew === undefined) return
    const crew = openCrew()
    this.#crew = crew
    try {
      await crew.start()
    } catch (error) {
      this.#crew = undefined
      if (this.#stopped) return
      this.#usable = false
      const fields = { error: messageOf(error), hint: hintOf(error) }
      logger.error({ event: 'isolation.unusable', ...fields }, UNUSABLE)
      return
    }
    logger.info({ event: 'isolation.started', pids: crew.stats().pids }, STARTED)
    this.#rest()
  }

  #rest(): void {
    this.#idle?.cancel()
    if (this.#running > 0 || this.#stopped) return
    this.#idle = this.#parts.clock.after(IDLE_TIME, () => {
      const crew = this.#crew
      this.#crew = undefined
      this.#opening = undefined
      void crew?.stop({ deadline: AbortSignal.abort() })
    })
  }
}

const STARTED = 'tasks that may have killed their worker run in a process of their own'
const UNUSABLE =
  'the process for tasks that may have killed their worker cannot be used: they run in the worker, and may end it again'
