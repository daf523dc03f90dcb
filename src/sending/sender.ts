import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Publisher } from '../broker/publisher.ts'
import type { Session } from '../broker/session.ts'
import type { FollowUp } from '../canvas/apply.ts'
import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import { JOIN_TASK } from '../protocol/chord/queued-chord.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { ChordJoin } from '../results/backend.ts'
import type { Replies } from '../results/replies.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'
import { isCanvas, isTask } from '../tasks/brand.ts'
import type { AnyArguments, AnyHandle, Canvas, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { ChordQueues } from './chord-queues.ts'
import type { DeclaredQueues } from './declared-queues.ts'
import type { DelayedTasks } from './delayed-tasks.ts'
import { checkHeaderSize, LARGEST_FRAME } from './header-size.ts'
import { checkArguments, type PreparedTask, prepareTask } from './prepare-task.ts'
import { type Revoke, revokeTasks } from './revoke.ts'
import type { Router } from './router.ts'
import { type PreparedCanvas, prepareCanvas } from './send-canvas.ts'
import { handleOf, readableTasks } from './sent-canvas.ts'
import { SentTask } from './task-handle.ts'
import { TaskPublisher, WINDOW } from './task-publisher.ts'

/** The parts that a sender works with. */
export interface SenderOptions {
  readonly session: Session
  readonly publisher: Publisher
  /** The task queues that were declared; a worker shares them with its follow-ups. */
  readonly queues: DeclaredQueues
  /** Where results come back to; without it none are read. */
  readonly replies: Replies | undefined
  /** Registers chords before they start, when a result backend joins them. */
  readonly chords?: Pick<ChordJoin, 'begin'> | undefined
  readonly router: Router
  /** Where tasks wait that are due later than `holdFor` milliseconds from now, and all delayed ones of quorum queues; without it nowhere. */
  readonly delays?: DelayedTasks | undefined
  /** Milliseconds that one send may take until the broker's confirm. */
  readonly publishTimeout: number
  readonly clock: Clock
  /** True: what a task sends gets its priority where nothing else says one. */
  readonly inheritPriority?: boolean
  /** Bounds the queues that a task's sends have declared: throws before any of them is sent. */
  readonly admitQueues?: (parent: TaskMessage, queues: Iterable<string>) => void
  /** Hears of what a task has sent, in the form in which its result lists it. */
  readonly onSent?: (parent: TaskMessage, child: ResultTuple | null) => void
}

/** Of one workflow; other sends go beside it. */
const BATCH = { messages: 1_000, bytes: WINDOW.bytes / 2 }

type Target = AnyTask | string | Canvas

/** Sends tasks over a session: from a program of its own, or from inside tasks. */
export interface Sender {
  /** How it names itself in the messages it sends: `gen<pid>@<host>`. */
  readonly origin: string
  /** A way to send: as children of the task that `parent` runs, or without a parent. Costs nothing. */
  sendFor(parent?: TaskMessage): Send
  /** The message that a send would publish now, and where: nothing is sent. Throws as a send rejects. */
  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing
  /** Tells all workers not to run some tasks. */
  readonly revoke: Revoke
  /** Resolves when no send is under way. */
  settled(): Promise<void>
}

/** A sender on a session that its owner starts and stops; several may share one publisher and one reply queue. */
export function createSender(options: SenderOptions): Sender {
  return new SessionSender(options)
}

class SessionSender implements Sender {
  readonly #options: SenderOptions
  readonly #chordQueues: ChordQueues
  readonly origin = `gen${process.pid}@${hostname()}`
  readonly #publisher: TaskPublisher
  #underWay = 0
  #keepAlive: NodeJS.Timeout | undefined
  #idle: Deferred<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#chordQueues = new ChordQueues(options.session, options.queues)
    this.#publisher = new TaskPublisher(options)
  }

  sendFor(parent?: TaskMessage): Send {
    const send = (target: Target, args?: AnyArguments, options: SendOptions = {}): Promise<AnyHandle> =>
      isCanvas(target)
        ? this.#sendCanvas(target, (args ?? {}) as SendOptions, parent)
        : this.#send(target, args, options, parent)
    return send as Send
  }

  encode(target: AnyTask | string, args?: AnyArguments, options: SendOptions = {}): Outgoing {
    return this.#prepare(target, args, options, undefined).outgoing
  }

  readonly revoke: Revoke = async (ids, options = {}) => {
    this.#begin()
    try {
      await revokeTasks(this.#options.session, ids, options, this.#options.publishTimeout)
    } finally {
      this.#end()
    }
  }

  async settled(): Promise<void> {
    if (this.#underWay === 0) return
    this.#idle ??= deferred()
    await this.#idle.promise
  }

  async #send(target: AnyTask | string, args: AnyArguments | undefined, options: SendOptions, parent?: TaskMessage) {
    this.#begin()
    let prepared: PreparedTask | undefined
    try {
      prepared = this.#prepare(target, args, options, parent)
      if (typeof target !== 'string') await checkArguments(target, args)
      if (parent !== undefined) this.#options.admitQueues?.(parent, [prepared.queue])
      const feed = prepared.wantsResult ? this.#options.replies?.follow(prepared.id) : undefined
      // Not in a function of its own, which would be one promise more for each send.
      const { due } = this.#publisher
      const wait = this.#publisher.enter(prepared, due, options.signal)
      if (wait !== undefined) await wait
      try {
        const answer = prepared.provenByResult ? feed : undefined
        await this.#publisher.publish(prepared, { due, signal: options.signal, answer })
      } finally {
        this.#publisher.leave(prepared)
      }
      if (parent !== undefined) this.#options.onSent?.(parent, [[prepared.id, null], null])
      return new SentTask(prepared.id, prepared.task, feed, this.revoke)
    } catch (error) {
      if (prepared?.wantsResult) this.#options.replies?.forget(prepared.id)
      throw error
    } finally {
      this.#end()
    }
  }

  /** Sends the tasks that start a workflow; when that fails, some of them may be on their way. */
  async #sendCanvas(canvas: Canvas, options: SendOptions, parent?: TaskMessage): Promise<AnyHandle> {
    this.#begin()
    const { session, clock, replies, router, chords: joiner, inheritPriority = false } = this.#options
    let followed: readonly string[] = []
    try {
      const chords = joiner !== undefined ? 'backend' : replies?.carriesChords ? 'queue' : 'none'
      const facts = {
        now: clock.now(),
        origin: this.origin,
        replyTo: replies?.name,
        router,
        chords,
        parent,
        inheritPriority,
      } as const
      const prepared = prepareCanvas(canvas, options, facts)
      const { node, messages, joins, chordQueues, announced } = prepared
      const frameMax = session.connection?.server.frameMax ?? LARGEST_FRAME
      if (messages.length > 1) for (const { outgoing } of messages) checkHeaderSize(outgoing.message, frameMax)
      if (parent !== undefined) {
        this.#options.admitQueues?.(parent, new Set(messages.map(({ queue }) => queue)))
      }
      followed = readableTasks(node)
      const feeds = new Map(followed.map((id) => [id, replies?.follow(id)]))
      await Promise.all(announced.map((chord) => joiner?.begin(chord)))
      if (chordQueues.length > 0) await this.#declareChords(prepared, options.signal)
      await this.#publishAll(messages, followed.length > 0, options.signal)
      // Last: a chord that was not sent whole is not waited for either, and its queue expires.
      await this.#publishAll(joins, false, options.signal)
      if (parent !== undefined) this.#options.onSent?.(parent, prepared.child)
      return handleOf(node, (id) => feeds.get(id), this.revoke)
    } catch (error) {
      for (const id of followed) replies?.forget(id)
      throw error
    } finally {
      this.#end()
    }
  }

  /** In windows, each of which has the whole time that a send has: a large workflow takes as long as it takes. */
  async #publishAll(messages: readonly FollowUp[], wantsResult: boolean, signal: AbortSignal | undefined) {
    for (const batch of batches(messages)) {
      const { due } = this.#publisher
      await Promise.all(batch.map((message) => this.#publishInTurn({ ...message, wantsResult }, due, signal)))
    }
  }

  async #declareChords({ chordQueues, messages }: PreparedCanvas, signal: AbortSignal | undefined): Promise<void> {
    const reason = () =>
      this.#publisher.tooLate({ task: JOIN_TASK, id: chordQueues[0] as string, queue: chordQueues[0] as string })
    using limit = timeLimit({ ms: this.#options.publishTimeout, signal, reason })
    const taskQueues = messages.map(({ queue }) => queue)
    await this.#chordQueues.declare(chordQueues, taskQueues, limit.signal)
  }

  #prepare(target: unknown, args: AnyArguments | undefined, options: SendOptions, parent: TaskMessage | undefined) {
    if (typeof target !== 'string' && !isTask(target)) {
      const got = target === null ? 'null' : typeof target
      throw new TwqError('TWQ_ARGUMENTS', `send takes a task or its name, got ${got}`, {
        hint: "Write send(add, { x: 1, y: 2 }) with a task that defineTask made, or send('add', [1, 2])",
      })
    }
    const { router, clock, replies, chords, inheritPriority = false } = this.#options
    return prepareTask(target, args, options, {
      id: randomUUID(),
      now: clock.now(),
      origin: this.origin,
      replyTo: replies?.name,
      router,
      joinsChords: chords !== undefined,
      parent,
      inheritPriority,
    })
  }

  async #publishInTurn(prepared: PreparedTask, due: number, signal: AbortSignal | undefined): Promise<void> {
    const wait = this.#publisher.enter(prepared, due, signal)
    if (wait !== undefined) await wait
    try {
      await this.#publisher.publish(prepared, { due, signal })
    } finally {
      this.#publisher.leave(prepared)
    }
  }

  #begin(): void {
    this.#underWay += 1
    // A caller waits: the process must not end for want of anything else to do, between two connections say.
    this.#keepAlive ??= setInterval(() => {}, 60_000)
  }

  #end(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
    this.#idle?.resolve()
    this.#idle = undefined
  }
}

/** Messages to be sent at once, in order; one that is larger than a whole batch is one by itself. */
function* batches(messages: readonly FollowUp[]): Generator<readonly FollowUp[]> {
  let batch: FollowUp[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.outgoing.message.body.length
    if (batch.length >= BATCH.messages || (batch.length > 0 && bytes + size > BATCH.bytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
