import { messageOf, TwqError } from '../errors.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import type { Invocation } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import { CANVAS_BRAND } from '../tasks/brand.ts'
import type { AnyArguments, AnyHandle, Canvas, GroupHandle, Send, SendOptions, TaskHandle } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import {
  errorFrom,
  type FromMember,
  fromText,
  type PortableHandle,
  type PortableOptions,
  type PortableSend,
  type PortableSettled,
  portableError,
  type ToMember,
  toText,
} from './messages.ts'
import type { RunOptions } from './pool.ts'

/** A thread or a process, seen from the pool. */
export interface Member {
  /** For people: `process 4711`. */
  readonly name: string
  /** The process that its attempts run in. */
  readonly pid: number
  /** Throws for what can't be cloned; to a member that is gone it says nothing. */
  post(message: ToMember): void
  /** Ends it at once, whatever it does. */
  kill(): void
  /** How it ended, in Celery's words: `signal 9 (SIGKILL)`, `exitcode 1`. Never rejects. */
  readonly gone: Promise<string>
}

/** Starts a thread or a process; `hear` gets all that it says. */
export type StartMember = (hear: (message: FromMember) => void) => Member

/** What a member's end of the line needs from the worker. */
export interface LinkParts {
  readonly startMember: StartMember
  readonly lookup: (name: string) => AnyTask | undefined
  readonly sendFor: (message: TaskMessage) => Send
  /** The largest result of a task, in bytes of JSON. */
  readonly maxResultSize?: number | undefined
  /** A member that holds more bytes than this leaves. */
  readonly maxMemoryPerChild?: number | undefined
  readonly logger: EventLogger
}

/** The attempt that a member is lent to. */
interface Attempt {
  readonly message: TaskMessage
  readonly options: RunOptions
  /** What it has sent, by id. */
  readonly sent: Map<string, AskableHandle>
  /** Aborts when the attempt has ended: nobody waits any more for what it sent. Dear, so made for the first who waits. */
  over: AbortController | undefined
  readonly end: (outcome: Outcome) => void
}

/** Any handle, with what it may have: a task's, or a group's. */
type AskableHandle = AnyHandle &
  Partial<Pick<TaskHandle, 'state' | 'revoke'> & Pick<GroupHandle, 'settled' | 'completed'>>

/** The line to one member: gives it attempts, one at a time, and does for them what only the worker can do. */
export class MemberLink {
  readonly #parts: LinkParts
  readonly #member: Member
  readonly #opened: Deferred<readonly string[]> = deferred()
  #attempt: Attempt | undefined
  #alive = true
  /** How it died is known once it did; `undefined` while it lives. */
  readonly gone: Promise<string>
  /** How many attempts it was given. */
  attempts = 0
  /** What it held after the last of them, in bytes, where there is a limit to that. */
  memory = 0
  /** Whether it has to go once its attempt has ended. */
  unfit = false
  /** Whether somebody was called who takes its place. */
  successor: 'none' | 'called' | 'here' = 'none'

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#member = parts.startMember((message) => this.#hear(message))
    // Whoever hired it hears of it by `open`.
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

  /** Has it load its tasks; answers with their names. Rejects with the reason why it can't. */
  open(hostModule: string, setup: unknown): Promise<readonly string[]> {
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
        // Whoever terminates a task wants it to end, not to be asked.
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

  /** Asks it to go; it is idle. */
  leave(): void {
    this.#alive = false
    this.#member.post({ kind: 'leave' })
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#alive = false
    this.#member.kill()
  }

  #hear(message: FromMember): void {
    switch (message.kind) {
      case 'opened':
        this.#opened.resolve(message.tasks)
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
        this.#answer(message.call, this.#send(message))
        return
      case 'ask-handle':
        this.#answer(message.call, this.#askHandle(message))
        return
      case 'add-to-chord':
        this.#answer(message.call, this.#addToChord(message))
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

  #end(outcome: Outcome): void {
    this.#attempt?.end(outcome)
  }

  #stray({ error }: FromMember & { kind: 'stray' }): void {
    this.#parts.logger.error(
      { event: 'process.unhandled-rejection', member: this.name, error },
      'a promise was rejected and nobody was waiting for it',
    )
  }

  /**
   * An uncaught error fails the attempt that it comes from. What state it leaves behind nobody knows, so the member goes;
   * another attempt, which has nothing to do with it, may end before.
   */
  #crashed({ attempt: number, error }: FromMember & { kind: 'crashed' }): void {
    const attempt = number === undefined || number === this.attempts ? this.#attempt : undefined
    this.#parts.logger.error(
      { event: 'pool.member-crashed', member: this.name, task_id: attempt?.message.id, error },
      'an error that nobody caught ended a member of the pool',
    )
    this.unfit = true
    if (attempt === undefined && this.#attempt !== undefined) return
    this.#end({ kind: 'failed', error, runtime: 0 })
    this.kill()
  }

  async #send({ sending, attempt: number }: FromMember & { kind: 'send' }): Promise<string> {
    const attempt = this.#attempt
    if (attempt === undefined || number !== this.attempts) {
      const what = 'canvas' in sending ? 'workflow' : `task ${sending.name}`
      throw new TwqError('TWQ_CLOSED', `${what} not sent: the attempt that asks for it is over`, {
        hint: 'Await ctx.send() before the task returns.',
      })
    }
    const handle = await this.#sendFor(attempt.message, sending)
    remember(handle, attempt.sent)
    return toText(portableHandle(handle), 'handle')
  }

  async #askHandle(message: FromMember & { kind: 'ask-handle' }): Promise<string | undefined> {
    const attempt = message.attempt === this.attempts ? this.#attempt : undefined
    const handle = attempt?.sent.get(message.handle)
    if (attempt === undefined || handle === undefined) {
      throw new TwqError('TWQ_CLOSED', `nothing is told of ${message.handle}: the attempt that sent it is over`)
    }
    const { method, timeout, options: how } = message.question
    attempt.over ??= new AbortController()
    const options = { signal: attempt.over.signal, ...(timeout !== undefined && { timeout }) }
    switch (method) {
      case 'result':
        return toText((await handle.result(options)) ?? null, 'result')
      case 'settled':
        return toText(((await handle.settled?.(options)) ?? []).map(portableSettled), 'settled')
      case 'state':
        return toText(await handle.state?.(), 'state')
      case 'revoke':
        await handle.revoke?.(how)
        return undefined
      case 'completed':
        return toText(await handle.completed?.(), 'completed')
    }
  }

  #sendFor(parent: TaskMessage, sending: PortableSend): Promise<AnyHandle> {
    const send = this.#parts.sendFor(parent)
    const options = portedOptions(sending.options)
    if ('canvas' in sending) return send(portedCanvas(sending.canvas), options)
    const { name, byTask, args } = sending
    const values = (args === undefined ? [] : fromText(args)) as AnyArguments
    const task = byTask ? this.#parts.lookup(name) : undefined
    return task === undefined ? send(name, values, options) : send(task, values, options)
  }

  async #addToChord(message: FromMember & { kind: 'add-to-chord' }): Promise<string> {
    const { options } = this.#attempt ?? {}
    if (options?.onAddToChord === undefined || message.attempt !== this.attempts) {
      throw new TwqError('TWQ_CLOSED', 'nothing added to the chord: the attempt that asks for it is over', {
        hint: 'Await ctx.addToChord() before the task returns.',
      })
    }
    return await options.onAddToChord(fromText(message.signature))
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

/** A workflow that a member put together: here it is only sent on. */
function portedCanvas(text: string): Canvas<AnyHandle> {
  const json = fromText(text) as JsonObject
  return { [CANVAS_BRAND]: true, toJSON: () => json, '~handle': undefined } as Canvas<AnyHandle>
}

function portedOptions({ links, ...options }: PortableOptions): SendOptions {
  if (links === undefined) return options
  return { ...options, link: links.link.map(portedCanvas), linkError: links.linkError.map(portedCanvas) }
}

type NestedHandle = AnyHandle & { readonly handles?: readonly AnyHandle[]; readonly parent?: unknown }

function remember(handle: NestedHandle, sent: Map<string, AskableHandle>): void {
  sent.set(handle.id, handle)
  for (const inner of handle.handles ?? []) remember(inner, sent)
  if (handle.parent !== undefined) remember(handle.parent as AnyHandle, sent)
}

function portableSettled(settled: PromiseSettledResult<unknown>): PortableSettled {
  return settled.status === 'fulfilled'
    ? { value: (settled.value ?? null) as Json }
    : { error: portableError(settled.reason) }
}

function portableHandle(handle: NestedHandle): PortableHandle {
  const { id, handles, parent } = handle
  return {
    id,
    ...(handles !== undefined && { handles: handles.map(portableHandle) }),
    ...(parent !== undefined && { parent: portableHandle(parent as AnyHandle) }),
  }
}
