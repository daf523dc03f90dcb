import type { Channel, Delivery, ServerInfo } from '../broker/broker.ts'
import { bindPidbox, declarePidbox, declarePidboxReplyExchange } from '../broker/pidbox.ts'
import type { Session } from '../broker/session.ts'
import { hintOf, messageOf, TwqError } from '../errors.ts'
import type { LamportClock } from '../protocol/remote/lamport-clock.ts'
import { type ControlRequest, decodeRequest, encodeReply, isAddressedTo } from '../protocol/remote/pidbox.ts'
import { isObject } from '../protocol/task-fields.ts'
import type { Json } from '../runtime/json.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { cutText } from '../runtime/text/cut-text.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import { rejectUnknown } from './arguments.ts'
import { auditFields } from './audit.ts'
import type { ControlCommand } from './command.ts'
import type { WorkerView } from './worker-view.ts'

/** The parts that a mailbox works with. */
export interface MailboxParts {
  readonly worker: WorkerView
  readonly commands: ReadonlyMap<string, ControlCommand>
  /** Whether a command that changes something may be given here. */
  readonly allows: (command: string) => boolean
  /** Whether it changes something at all: then the log tells of it. */
  readonly changes: (command: string) => boolean
  readonly lamport: LamportClock
  readonly clock: Clock
  readonly logger: EventLogger
}

// Milliseconds. It takes a connection for a moment, unless requests come, as monitors' do.
const BOUND_AGAIN = 600_000

/** Celery's remote-control mailbox (wire specification 7): receives requests, runs the command, replies. Never throws. */
export class Mailbox {
  readonly #parts: MailboxParts
  #wasUp = false
  /** Remote control could not be set up: its next success is logged. */
  #down = false
  /** A request has come since the binding was looked after last: it is there. */
  #reached = false

  constructor(parts: MailboxParts) {
    this.#parts = parts
  }

  /**
   * Sets up a new channel: the node's own queue, and the exchange that replies go through, declared on channels apart, since
   * RabbitMQ 4 closes the whole connection of one that declares while there is no majority. Warns, the first time, of another
   * worker of this name. From then on, until `over` aborts, it is bound again where no request comes.
   */
  async setup(
    channel: Channel,
    server: ServerInfo,
    { apart, over }: { readonly apart: Pick<Session, 'withChannel'>; readonly over: AbortSignal },
  ): Promise<void> {
    const { worker, logger } = this.#parts
    const { name, consumers } = await apart.withChannel((own) => declarePidbox(own, worker.node, server))
    // Later it may be our own consumer, over a connection that the broker has not yet missed.
    if (consumers > 0 && !this.#wasUp) {
      logger.warn(
        { event: 'worker.name-taken', node: worker.node },
        'another worker has this name: a command reaches only one of the two, and monitors take them for one; use -n',
      )
    }
    if (this.#down) logger.info({ event: 'control.restored' }, 'remote control works again')
    this.#down = false
    this.#wasUp = true
    await apart.withChannel((own) => declarePidboxReplyExchange(own))
    await channel.consume(name, (delivery) => this.#receive(channel, delivery), {
      noAck: true,
      // The queue was deleted, or its node was lost: a new channel declares it again.
      onCancelled: () => void channel[Symbol.asyncDispose](),
    })
    void this.#stayBound(apart, over)
  }

  /**
   * Declares the exchange of requests and the binding of the mailbox again after each ten minutes without a request. RabbitMQ
   * drops the bindings of a deleted exchange without telling anyone, and the client that declares it next binds only its own queue.
   */
  async #stayBound(apart: Pick<Session, 'withChannel'>, over: AbortSignal): Promise<void> {
    const { worker, clock, logger } = this.#parts
    while (!over.aborted) {
      this.#reached = false
      await pause(clock, BOUND_AGAIN, over)
      if (over.aborted || this.#reached) continue
      await apart
        .withChannel((own) => bindPidbox(own, worker.node))
        // A deleted queue ends the consumer, too, and a cluster without a majority gets its majority back.
        .catch((error: unknown) => {
          logger.debug({ event: 'control.unbound', error: messageOf(error) }, 'the mailbox could not be bound again')
        })
    }
  }

  /** Tells why there is no mailbox for now: tasks are consumed without one. */
  unavailable(error: Error): void {
    const { worker, logger } = this.#parts
    this.#down = true
    const fields = { node: worker.node, error: error.message, hint: hintOf(error) }
    // Another worker of this name has declared it in another way, or for itself alone.
    if (TwqError.is(error, 'TWQ_QUEUE_LOCKED', 'TWQ_QUEUE_MISMATCH')) {
      logger.warn(
        { event: 'worker.name-taken', ...fields, hint: 'Give each worker a name of its own with -n.' },
        'another worker has this name: remote control does not reach this one until that is gone',
      )
    } else logger.warn({ event: 'control.unavailable', ...fields }, 'remote control does not reach this worker for now')
  }

  #receive(channel: Channel, delivery: Delivery): void {
    const { lamport, logger, worker } = this.#parts
    this.#reached = true
    const decoded = decodeRequest(delivery)
    if (decoded.kind === 'malformed') {
      logger.warn({ event: 'control.malformed', reason: decoded.reason }, "a remote-control message can't be used")
      return
    }
    const { request } = decoded
    if (request.clock !== null) lamport.adjust(request.clock)
    if (!isAddressedTo(request, worker.node)) return
    const value = this.#answer(request)
    // Those that answer at once do so in the order in which they were asked.
    if (value instanceof Promise) void value.then((later) => this.#reply(channel, request, later))
    else this.#reply(channel, request, value)
  }

  #reply(channel: Channel, request: ControlRequest, value: Json | undefined): void {
    const { lamport, logger, worker } = this.#parts
    const { replyTo, ticket } = request
    if (replyTo === null || value === undefined) return
    const reply = encodeReply({ node: worker.node, value, ticket, clock: lamport.tick() })
    // The sender does not wait long for a reply: one that can't be delivered is not worth another try.
    channel.publish(replyTo, reply).catch((error: unknown) => {
      logger.debug(
        { event: 'control.reply-lost', method: request.method, error: messageOf(error) },
        'reply not delivered',
      )
    })
  }

  /** Never throws, and never rejects. */
  #answer(request: ControlRequest): Json | undefined | Promise<Json | undefined> {
    const { commands, logger, worker, allows, changes } = this.#parts
    const command = commands.get(request.method)
    if (command === undefined) return { error: cutText(`KeyError(${pythonString(cutText(request.method))})`) }
    if (changes(command.name)) {
      const allowed = allows(command.name)
      const fields = auditFields(request)
      if (allowed) logger.info({ event: 'control.command', ...fields }, 'a command by remote control')
      else
        logger.warn(
          { event: 'control.refused', ...fields },
          'a command by remote control, refused by the configuration',
        )
      if (!allowed) return { error: `PermissionError('${command.name} is not allowed here')` }
    }
    try {
      rejectUnknown(command, request.arguments)
      const value = command.handle(worker, request.arguments)
      if (!(value instanceof Promise)) return withShortError(value)
      return value.then(withShortError, (error: unknown) => this.#failed(request, error))
    } catch (error) {
      return this.#failed(request, error)
    }
  }

  #failed({ method }: ControlRequest, error: unknown): Json {
    const { logger } = this.#parts
    logger.error({ event: 'control.failed', method, error: messageOf(error) }, 'remote-control command failed')
    return { error: cutText(messageOf(error)) }
  }
}

/** An error that repeats what the wire brought is no longer than others. */
function withShortError(value: Json | undefined): Json | undefined {
  if (!isObject(value) || typeof value.error !== 'string') return value
  return { ...value, error: cutText(value.error) }
}

function pythonString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
