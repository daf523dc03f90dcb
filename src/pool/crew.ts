import { messageOf, TwqError } from '../errors.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import { BackoffState } from '../runtime/time/backoff.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'
import type { Invocation } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { TimeLimits } from '../tasks/time-limits.ts'
import { checkPlugins, checkTasks } from './check-member.ts'
import { runUnderLimits } from './limited-run.ts'
import { type LinkParts, MemberLink } from './member-link.ts'
import type { Pool, PoolStats, RunOptions } from './pool.ts'

/** The parts of a pool of threads or processes. */
export interface CrewOptions extends LinkParts {
  /** Celery's name of the kind. */
  readonly kind: string
  /** The initial number of members; each runs one attempt at a time. */
  readonly size: number
  /** The URL of the module that gives each member its host, and its setup. */
  readonly hostModule: string
  readonly setup: unknown
  /** The tasks that each member must have, in alphabetical order. */
  readonly taskNames: readonly string[]
  /** The plugins that each member must have, in their order. */
  readonly pluginNames?: readonly string[]
  /**
   * Milliseconds that members may take to stop their plugins once they run nothing; without it they are killed at the deadline.
   */
  readonly leaveTimeout?: number | undefined
  readonly limitsFor: (message: TaskMessage) => TimeLimits | undefined
  /** A member leaves after this many attempts. */
  readonly maxTasksPerChild?: number | undefined
  readonly clock: Clock
}

/**
 * Runs attempts in members: threads or processes that are started ahead of need, run one attempt at a time, and are replaced when
 * they die, which gives the attempt the outcome `lost`. A hard time limit ends the member.
 */
export class Crew implements Pool {
  readonly name = 'pool'
  readonly onEventLoop = false
  readonly kind: string
  readonly #options: CrewOptions
  /** All members that were started and have not ended. */
  readonly #members = new Set<MemberLink>()
  /** Those that can run attempts: their tasks and plugins were checked. */
  readonly #hired = new Set<MemberLink>()
  #size: number
  /** Members being started that must exit once ready, because the pool shrank meanwhile. */
  #surplus = 0
  #idle: MemberLink[] = []
  #waiting: ((member: MemberLink | undefined) => void)[] = []
  readonly #stopped = sharedAbort()
  readonly #backoff: BackoffState

  constructor(options: CrewOptions) {
    this.#options = options
    this.kind = options.kind
    this.#size = options.size
    this.#backoff = new BackoffState(options.clock, Math.random)
  }

  async start(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: this.#options.size }, () => this.#spawn()))
    } catch (error) {
      await this.#killAll()
      throw error
    }
  }

  async stop({ deadline }: { deadline: AbortSignal }): Promise<void> {
    this.#stopped.abort()
    for (const give of this.#waiting.splice(0)) give(undefined)
    for (const member of this.#idle.splice(0)) member.leave()
    const allGone = Promise.all([...this.#members].map((member) => member.gone))
    await Promise.race([allGone, aborted(deadline)])
    const { leaveTimeout } = this.#options
    if (leaveTimeout !== undefined && this.#members.size > 0) {
      for (const member of this.#members) if (member.alive) member.kill()
      using limit = timeLimit({ ms: leaveTimeout, reason: () => undefined })
      await Promise.race([allGone, aborted(limit.signal)])
    }
    await this.#killAll()
  }

  async run(invocation: Invocation, options: RunOptions): Promise<Outcome> {
    const member = await this.#borrow(options.signal)
    if (member === undefined) return { kind: 'interrupted' }
    if (TwqError.is(options.signal.reason, 'TWQ_REVOKED')) {
      this.#offer(member)
      return { kind: 'revoked', reason: 'terminated' }
    }
    const { limitsFor, clock, logger } = this.#options
    const run = (within: RunOptions): Promise<Outcome> => member.run(invocation, within)
    const limits = limitsFor(invocation.message)
    const outcome =
      limits === undefined
        ? run(options)
        : runUnderLimits({ limits, invocation, options, clock, logger, run, onOverrun: () => member.kill() })
    if (member.attempts === this.#options.maxTasksPerChild) void this.#replace(member)
    const ended = await outcome
    this.#giveBack(member)
    // The worker's shutdown ended the member, not the task.
    return ended.kind === 'lost' && this.#stopped.signal.aborted ? { kind: 'interrupted' } : ended
  }

  resize(size: number): void {
    for (; this.#size < size; this.#size += 1) {
      if (this.#surplus > 0) this.#surplus -= 1
      else void this.#fillPlace()
    }
    for (; this.#size > size; this.#size -= 1) {
      // A member whose successor is being started leaves anyway: retiring it would not make the pool smaller.
      const unreplaced = ({ successor }: MemberLink): boolean => successor === 'none'
      const member = this.#idle.findLast(unreplaced) ?? [...this.#hired].find(unreplaced)
      if (member === undefined) this.#surplus += 1
      else this.#retire(member)
    }
  }

  /** Whether an attempt would begin at once. */
  get free(): boolean {
    return this.#idle.some(({ alive }) => alive)
  }

  /** Resolves once an attempt would begin at once, or when the crew is stopped. */
  async untilFree(): Promise<void> {
    const member = await this.#borrow(this.#stopped.signal)
    if (member !== undefined) this.#offer(member)
  }

  /** One after the other: each works until its successor is ready. */
  async restart(): Promise<void> {
    for (const member of [...this.#hired]) {
      if (member.alive && member.successor === 'none') await this.#replace(member)
    }
  }

  stats(): PoolStats {
    return { pids: [...new Set([...this.#members].map((member) => member.pid))], abandoned: 0 }
  }

  /** The member that has been idle longest, or the next available one; `undefined` if the worker shuts down first. */
  #borrow(signal: AbortSignal): Promise<MemberLink | undefined> {
    if (this.#stopped.signal.aborted || isShutdown(signal)) return Promise.resolve(undefined)
    const member = this.#takeIdle()
    if (member !== undefined) return Promise.resolve(member)
    return new Promise((resolve) => {
      const give = (member: MemberLink | undefined): void => {
        signal.removeEventListener('abort', giveUp)
        resolve(member)
      }
      const giveUp = (): void => {
        if (!isShutdown(signal)) return
        this.#waiting = this.#waiting.filter((other) => other !== give)
        give(undefined)
      }
      signal.addEventListener('abort', giveUp)
      this.#waiting.push(give)
    })
  }

  /** Skips a member that was killed while idle: it stays in the list until its thread or process has ended. */
  #takeIdle(): MemberLink | undefined {
    let member = this.#idle.shift()
    while (member !== undefined && !member.alive) member = this.#idle.shift()
    return member
  }

  #giveBack(member: MemberLink): void {
    if (!member.alive) return
    const { maxTasksPerChild, maxMemoryPerChild, logger } = this.#options
    const spent = maxTasksPerChild !== undefined && member.attempts >= maxTasksPerChild
    if (this.#stopped.signal.aborted || spent || member.unfit || member.successor === 'here') {
      member.leave()
      return
    }
    if (maxMemoryPerChild !== undefined && member.memory > maxMemoryPerChild && member.successor === 'none') {
      const fields = { event: 'pool.member-too-large' as const, member: member.name, bytes: member.memory }
      logger.info(fields, 'a member of the pool holds too much memory; replacing it')
      void this.#replace(member)
    }
    this.#offer(member)
  }

  #offer(member: MemberLink): void {
    const give = this.#waiting.shift()
    if (give === undefined) this.#idle.push(member)
    else give(member)
  }

  /** Starts a replacement ahead of need: `member` works until that is ready, or until it has run its last attempt. */
  async #replace(member: MemberLink): Promise<void> {
    member.successor = 'called'
    await this.#fillPlace()
    this.#retire(member)
  }

  /** Ends a surplus member: now, or after its attempt. */
  #retire(member: MemberLink): void {
    member.successor = 'here'
    if (!this.#idle.includes(member)) return
    this.#idle = this.#idle.filter((other) => other !== member)
    member.leave()
  }

  /** Starts a member and makes it available; rejects if it can't be used. */
  async #spawn(): Promise<void> {
    const { hostModule, setup, taskNames, pluginNames = [] } = this.#options
    const member = new MemberLink(this.#options)
    this.#members.add(member)
    let hired = false
    void member.gone.then((how) => {
      this.#members.delete(member)
      this.#hired.delete(member)
      this.#idle = this.#idle.filter((other) => other !== member)
      if (hired && member.successor === 'none' && !this.#stopped.signal.aborted) this.#replaceDead(member, how)
    })
    try {
      const { tasks, plugins } = await member.open(hostModule, setup)
      checkTasks(member.name, tasks, taskNames)
      checkPlugins(member.name, plugins, pluginNames)
    } catch (error) {
      member.kill()
      throw error
    }
    hired = true
    if (this.#surplus > 0) {
      this.#surplus -= 1
      member.successor = 'here'
    }
    if (this.#stopped.signal.aborted || member.successor === 'here') {
      member.leave()
      return
    }
    this.#hired.add(member)
    this.#offer(member)
  }

  #replaceDead(member: MemberLink, how: string): void {
    const fields = { event: 'pool.member-gone' as const, member: member.name, how, attempts: member.attempts }
    this.#options.logger.warn(fields, 'a member of the pool is gone; starting another')
    // If members end before their first attempt, their successors would fail for the same reason: they are started with pauses.
    void this.#fillPlace(member.attempts === 0 ? this.#backoff.failed() : 0)
  }

  /** Starts members until one can be used, the first after `wait` milliseconds. */
  async #fillPlace(wait = 0): Promise<void> {
    const { clock, logger } = this.#options
    if (wait > 0) await pause(clock, wait, this.#stopped.signal)
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#spawn()
        this.#backoff.up()
        return
      } catch (error) {
        if (this.#stopped.signal.aborted) return
        const wait = this.#backoff.failed()
        const fields = { event: 'pool.member-failed' as const, error: messageOf(error), in_ms: wait }
        logger.error(fields, 'a member of the pool could not be started; trying again')
        await pause(clock, wait, this.#stopped.signal)
      }
    }
  }

  /** Ends all members. */
  async #killAll(): Promise<void> {
    this.#stopped.abort()
    for (const member of this.#members) member.kill()
    await Promise.all([...this.#members].map((member) => member.gone))
  }
}

function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && TwqError.is(signal.reason, 'TWQ_SHUTTING_DOWN')
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
