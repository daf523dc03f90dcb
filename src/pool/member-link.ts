import { messageOf, TwqError } from '../errors.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import type { Invocation } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import { addToChord, askHandle, type MemberAttempt, type SendParts, sendChild } from './member-attempt.ts'
import { errorFrom, type FromMember, fromText, messageOfMember, portableError } from './messages.ts'
import type { RunOptions } from './pool.ts'
import type { Member, StartMember } from './start-member.ts'

/** What the link to a member needs from the worker. */
export interface LinkParts extends SendParts {
  readonly startMember: StartMember
  /** The largest result of a task, in bytes of JSON. */
  readonly maxResultSize?: number | undefined
  /** A member that uses more memory than this, in bytes, leaves. */
  readonly maxMemoryPerChild?: number | undefined
  readonly logger: EventLogger
}

/** The link to one member: gives it attempts, one at a time, and does for them what requires the worker's connections. */
export class MemberLink {
  readonly #parts: LinkParts
  readonly #member: Member
  readonly #opened: Deferred<FromMember & { kind: 'opened' }> = deferred()
  #attempt: MemberAttempt | undefined
  #alive = true
  /** Resolves with how it ended. */
  readonly gone: Promise<string>
  /** How many attempts it was given. */
  attempts = 0
  /** Its memory after the last of them, in bytes, if that is limited. */
  memory = 0
  /** Whether it must leave after its attempt. */
  unfit = false
  /** True once its replacement was started. */
  successor: 'none' | 'called' | 'here' = 'none'

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#member = parts.startMember((said) => {
      const message = messageOfMember(said)
      if (message !== undefined) this.#hear(message)
    })
    // The crew that started it gets the rejection from `open`.
    this.#opened.promise.catch(() => {})
    this.gone = this.#member.gone.then((how) => {
      this.#alive = false
      this.#opened.reject(
        new TwqError('TWQ_POOL', `${this.name} of the pool ended before it was ready: ${how}`, {
          hint: 'Does the configuration, or a task module, end the process when it is loaded?',
        }),
      )
      this.#end({ kind: 'lost', error: celeryError('WorkerLostError', [`Worker exited prematurely: ${how}.`]) })
      return how
    })
  }

  get name(): string {
    return this.#member.name
  }

  get pid(): number {
    return this.#member.pid
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Makes it load its tasks and start its plugins; returns their names. Rejects with the reason if it can't. */
  open(hostModule: string, setup: unknown): Promise<FromMember & { kind: 'opened' }> {
    const { logger, maxResultSize, maxMemoryPerChild } = this.#parts
    const tellMemory = maxMemoryPerChild !== undefined
    this.#member.post({ kind: 'open', hostModule, setup, logLevel: logger.level, maxResultSize, tellMemory })
    return this.#opened.promise
  }

  /** Runs one attempt. Never rejects. */
  run(invocation: Invocation, options: RunOptions): Promise<Outcome> {
    const { signal } = options
    const { message } = invocation
    this.attempts += 1
    return new Promise((resolve) => {
      const abort = (): void => {
        // `terminate` ends a task without aborting its signal first.
        if (TwqError.is(signal.reason, 'TWQ_REVOKED')) this.kill()
        else this.#member.post({ kind: 'abort', reason: portableError(signal.reason) })
      }
      const end = (outcome: Outcome): void => {
        signal.removeEventListener('abort', abort)
        this.#attempt?.over?.abort()
        this.#attempt = undefined
        resolve(outcome)
      }
      this.#attempt = { message, options, sent: new Map(), over: undefined, end }
      try {
        const aborted = signal.aborted ? portableError(signal.reason) : undefined
        if (!signal.aborted) signal.addEventListener('abort', abort, { once: true })
        this.#member.post({ kind: 'run', attempt: this.attempts, invocation, aborted })
      } catch (error) {
        const reason = `the message can't be handed to ${this.name}: ${messageOf(error)}`
        end({ kind: 'failed', error: celeryError('EncodeError', [reason]), runtime: 0 })
      }
    })
  }

  /** Tells an idle member to leave. */
  leave(): void {
    this.#alive = false
    this.#member.post({ kind: 'leave' })
  }

  /** Ends it, even during a computation. */
  kill(): void {
    this.#alive = false
    this.#member.kill()
  }

  #hear(message: FromMember): void {
    switch (message.kind) {
      case 'opened':
        this.#opened.resolve(message)
        return
      case 'unable':
        this.#opened.reject(errorFrom(message.error))
        return
      case 'started':
        this.#attempt?.options.onStarted?.({ pid: this.pid })
        return
      case 'log':
        this.#log(message.line)
        return
      case 'state': {
        const { state, meta } = message
        const stored = this.#attempt?.options.onState(state, fromText(meta)) ?? Promise.resolve()
        this.#answer(
          message.call,
          stored.then(() => undefined),
        )
        return
      }
      case 'send':
        this.#answer(message.call, sendChild(this.#running(message), message.sending, this.#parts))
        return
      case 'ask-handle':
        this.#answer(message.call, askHandle(this.#running(message), message))
        return
      case 'add-to-chord':
        this.#answer(message.call, addToChord(this.#running(message), message))
        return
      case 'ended':
        this.memory = message.memory ?? 0
        this.#end(fromText(message.outcome) as unknown as Outcome)
        return
      case 'stray':
        this.#stray(message)
        return
      case 'crashed':
        this.#crashed(message)
        return
    }
  }

  /** The attempt that a request belongs to, unless it is over. */
  #running({ attempt }: { readonly attempt: number }): MemberAttempt | undefined {
    return attempt === this.attempts ? this.#attempt : undefined
  }

  #end(outcome: Outcome): void {
    this.#attempt?.end(outcome)
  }

  #stray({ error }: FromMember & { kind: 'stray' }): void {
    this.#parts.logger.error(
      { event: 'process.unhandled-rejection', member: this.name, error },
      'unhandled rejection in a member of the pool',
    )
  }

  /**
   * An uncaught error fails the attempt that it comes from. The state of the process is unknown afterwards, so the member is
   * replaced; another running attempt, which is not the cause, may finish first.
   */
  #crashed({ attempt: number, error }: FromMember & { kind: 'crashed' }): void {
    const attempt = number === undefined || number === this.attempts ? this.#attempt : undefined
    this.#parts.logger.error(
      { event: 'pool.member-crashed', member: this.name, task_id: attempt?.message.id, error },
      'an uncaught exception ended a member of the pool',
    )
    this.unfit = true
    if (attempt === undefined && this.#attempt !== undefined) return
    this.#end({ kind: 'failed', error, runtime: 0 })
    this.kill()
  }

  #answer(call: number, work: Promise<string | undefined>): void {
    work.then(
      (ok) => this.#member.post({ kind: 'answer', call, answer: { ok } }),
      (error: unknown) => this.#member.post({ kind: 'answer', call, answer: { error: portableError(error) } }),
    )
  }

  #log(line: string): void {
    const { level, time: _, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    const { logger } = this.#parts
    const write = logger[level as 'info'] ?? logger.info
    write.call(logger, { ...fields, member: this.name }, String(msg ?? ''))
  }
}
