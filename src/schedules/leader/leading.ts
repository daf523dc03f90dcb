import type { Channel, Delivery } from '../../broker/broker.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { dropForgotten, isSuspended, lastAnnounced } from '../state/announcement.ts'
import type { ScheduleCommand } from '../state/command.ts'
import { type Outcome, type Received, take } from '../state/inbox.ts'
import type { ScheduleState } from '../state/state.ts'
import { answer, type OutcomeLog } from './answers.ts'
import { ClockCheck } from './clock-check.ts'
import { DueEntries, type Occurrence } from './due-entries.ts'
import { HeldState } from './held-state.ts'
import { LeadPublisher } from './lead-publisher.ts'
import type { OccurrenceSender } from './occurrence-sender.ts'
import { Unreadable } from './unreadable.ts'

/** The parts that leading works with. */
export interface LeadingParts {
  readonly queue: string
  readonly namespace: string
  /** The name of this worker. */
  readonly node: string
  readonly sender: OccurrenceSender
  /** Makes the quarantine of the queue where it is missing. */
  readonly declareQuarantine: () => Promise<unknown>
  /** Opens a channel on the connection of the one that holds the state. */
  readonly openChannel: () => Promise<Channel>
  /** Whether the broker is the one that is built in. */
  readonly isForDevelopment: () => boolean
  /** Throws where the configuration refuses a command. */
  readonly admit: (command: ScheduleCommand) => void
  /** The largest message that the broker takes, in bytes, as far as it has said. */
  readonly limits: { largest: number }
  /** Milliseconds between two heartbeats of the connection. */
  readonly heartbeat: number
  readonly log: OutcomeLog
  /** Called for each task that was sent, with its entry, its delay in milliseconds, and the time. */
  readonly onSent?: ((schedule: string, lag: number, sentAt: number) => void) | undefined
  readonly clock: Clock
  readonly logger: EventLogger
}

/** The parts of one lead. */
export interface LeadingOn {
  readonly channel: Channel
  readonly state: ScheduleState
  /** Tells its messages from those of others. */
  readonly leader: string
  /** Ends the lead. */
  readonly fail: (error: unknown) => void
}

/** Milliseconds: the state is replaced this often, which starts the broker's consumer timeout anew. */
const REPLACE_EVERY = 60_000
/**
 * What was sent is noted with the broker after so many milliseconds: until then a take-over repeats it, under the same ids. Not at once, since it
 * goes the way of what is due in the same moment, and not in a second, when the next may be due.
 */
const NOTE_AFTER = 300
/** And no more often than this, nor sooner than after so many times what noting took: a large state is a large message. */
const NOTE_EVERY = 1_000
const NOTE_SHARE = 50
/** The wall clock may be set: what is due is looked for this often at least. */
const LOOK_EVERY = 30_000
/** Milliseconds: while what is triggered is tried again, the leader takes no other message, and its answer is awaited. */
const TRIGGER_PATIENCE = 1_500

/** The work of a leader: takes messages, holds the state, and sends what is due. */
export class Leading {
  readonly #parts: LeadingParts
  readonly #on: LeadingOn
  readonly #held: HeldState
  readonly #publisher: LeadPublisher
  readonly #unreadable: Unreadable
  readonly #due: DueEntries
  readonly #ledSince: number
  readonly #suspended = new Set<string>()
  #timers: { look?: Timer; note?: Timer; replace?: Timer; beat?: Timer } = {}
  #saveMs = 0
  /** When the state was saved last, by the monotonic clock. */
  #savedAt = 0
  /** When what is due is looked for next. */
  #lookAt = Number.POSITIVE_INFINITY
  readonly #clocks: ClockCheck
  readonly #sending = new Set<Promise<void>>()
  #state: 'taking over' | 'sending' | 'over' = 'taking over'

  constructor(parts: LeadingParts, on: LeadingOn) {
    this.#parts = parts
    this.#on = on
    this.#ledSince = parts.clock.now()
    this.#clocks = new ClockCheck(parts.clock, parts.heartbeat)
    this.#held = new HeldState({ ...parts, ...on })
    this.#publisher = new LeadPublisher({ ...parts, ...on })
    this.#unreadable = new Unreadable({ ...parts, publish: (outgoing) => this.#publisher.publish(outgoing) })
    this.#due = new DueEntries(on.state, parts.namespace, this.#ledSince)
  }

  /** Takes a delivery that is this leader's own state. */
  receive(delivery: Delivery): boolean {
    return this.#held.receive(delivery)
  }

  /** Takes messages in their order: they are acknowledged and answered once the state that holds what they changed is safe. */
  async take(received: readonly Received[]): Promise<void> {
    const { parts, on } = { parts: this.#parts, on: this.#on }
    const { node: leader, clock, limits } = parts
    const lastWins = parts.isForDevelopment()
    const facts = { ...parts, ...limits, leader, now: clock.now(), ledSince: this.#ledSince, lastWins }
    const outcomes: Outcome[] = []
    for (const one of received) {
      const outcome = await this.#carryOut(take(on.state, one, facts))
      outcomes.push(outcome)
      parts.log.tell(outcome)
    }
    if (this.#state === 'taking over' || outcomes.some(hasChanged)) await this.#save()
    for (const [index, { kind, delivery }] of received.entries()) {
      const outcome = outcomes[index] as Outcome
      if (outcome.kind === 'malformed') this.#unreadable.setAside(delivery, outcome.reason)
      else if (kind === 'state') this.#held.adopt(delivery)
      else delivery.ack()
      answer(delivery, outcome, on.channel)
    }
    if (outcomes.some(({ kind }) => kind === 'ended')) this.#noteSoon()
    if (this.#state === 'sending') this.#lookSoon()
  }

  /** Sends what is due from now on. */
  begin(): void {
    if (this.#state !== 'taking over') return
    this.#state = 'sending'
    this.#beat()
    this.#replaceLater()
    this.#look()
  }

  /** Sends no more, and resolves once what was sent is noted. */
  async finish(): Promise<void> {
    if (this.#state !== 'sending') return
    this.end()
    // At once: a send that the broker has yet to confirm may outlast the time that there is.
    if (this.#sending.size > 0) await this.#save()
    await Promise.all(this.#sending)
    await this.#save()
    await this.#held.isHeld()
  }

  /** Sends no more. */
  end(): void {
    this.#state = 'over'
    for (const timer of Object.values(this.#timers)) timer?.cancel()
    this.#timers = {}
  }

  async #save(): Promise<void> {
    const { clock } = this.#parts
    const from = clock.monotonic()
    await this.#held.save()
    this.#savedAt = clock.monotonic()
    this.#saveMs = this.#savedAt - from
  }

  #look(): void {
    if (this.#state !== 'sending' || this.#isUntimely()) return
    const { clock, log } = this.#parts
    const { occurrences, missed, skipped } = this.#due.take(clock.now())
    for (const one of missed) log.missed(one)
    for (const one of skipped) log.skipped(one)
    // None waits for the confirm of another: those of a large state take long.
    for (const occurrence of occurrences) this.#begin(occurrence)
    if (occurrences.length + missed.length + skipped.length > 0) this.#noteSoon()
    this.#lookSoon()
  }

  #lookSoon(): void {
    if (this.#state !== 'sending') return
    const { clock } = this.#parts
    this.#lookAt = Number.POSITIVE_INFINITY
    this.#lookBy(Math.min(this.#due.nextAt(), clock.now() + LOOK_EVERY))
  }

  /** Moves the next look forward to this time, if it would be later. */
  #lookBy(at: number): void {
    if (this.#state !== 'sending' || at >= this.#lookAt) return
    const { clock } = this.#parts
    this.#lookAt = at
    this.#timers.look?.cancel()
    this.#timers.look = clock.after(Math.max(at - clock.now(), 0), () => this.#look())
  }

  #begin(occurrence: Occurrence): void {
    const sending = this.#send(occurrence)
      .catch((error: unknown) => this.#on.fail(error))
      .finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  async #send(occurrence: Occurrence): Promise<void> {
    const { state } = this.#on
    const { name, id, due } = occurrence
    const sentAt = this.#parts.clock.now()
    const { failure } = await this.#sendTracked(occurrence, sentAt)
    this.#lookBy(this.#due.dealtWith(occurrence))
    const known = state.entries.get(name)
    if (failure === undefined && due >= (known?.lastRun?.due ?? 0)) state.change(name, { lastRun: { id, due, sentAt } })
  }

  /** Sends what a command triggers; one that can't be sent is refused with the reason. */
  async #carryOut(outcome: Outcome): Promise<Outcome> {
    const trigger = outcome.kind === 'applied' ? outcome.applied.trigger : undefined
    const entry = trigger && this.#on.state.entries.get(trigger.name)?.entry
    if (outcome.kind !== 'applied' || trigger === undefined || entry === undefined) return outcome
    const { name, id } = trigger
    const now = this.#parts.clock.now()
    const { failure } = await this.#sendTracked({ name, entry, id, due: now, sendAt: now }, now, TRIGGER_PATIENCE)
    if (failure !== undefined) return { kind: 'refused', command: outcome.command, error: failure }
    this.#on.state.change(name, { lastRun: { id, due: now, sentAt: now } })
    return outcome
  }

  /** Resolves with why the task can't be sent, if so. Rejects when the channel is over: whether the broker has it is unknown, and the next leader sends it again, under its id. */
  async #sendTracked(occurrence: Occurrence, sentAt: number, patience?: number): Promise<{ failure?: unknown }> {
    const { sender, log, onSent, clock } = this.#parts
    const { channel, state } = this.#on
    const { name, entry, id } = occurrence
    const before = state.entries.get(name)?.running
    // Before it is sent: it may have ended before its confirm is here.
    if (entry.overlapTimeout !== undefined)
      state.change(name, { running: { id, until: sentAt + entry.overlapTimeout } })
    try {
      await sender.send((outgoing) => this.#publisher.publish(outgoing, patience), occurrence)
    } catch (error) {
      if (!channel.isOpen) throw error
      log.failed(occurrence, error)
      if (entry.overlapTimeout !== undefined) state.change(name, { running: before })
      return { failure: error }
    }
    if (before !== undefined && before.id !== id) log.overdue(name, before.id)
    // Up to the confirm: a broker that takes nothing for a while makes it late.
    const lag = clock.now() - occurrence.sendAt
    log.sent(occurrence, lag)
    onSent?.(name, lag, sentAt)
    return {}
  }

  #noteSoon(): void {
    if (this.#timers.note !== undefined || this.#state !== 'sending') return
    const { clock } = this.#parts
    const pause = Math.max(NOTE_EVERY, NOTE_SHARE * this.#saveMs) - (clock.monotonic() - this.#savedAt)
    this.#timers.note = clock.after(Math.max(NOTE_AFTER, pause), () => {
      delete this.#timers.note
      this.#save().catch((error: unknown) => this.#on.fail(error))
    })
  }

  #replaceLater(): void {
    this.#timers.replace = this.#parts.clock.after(REPLACE_EVERY, () => {
      this.#tellSuspended()
      this.#unreadable.tryAgain()
      const names = dropForgotten(this.#on.state, this.#ledSince)
      if (names.length > 0) this.#parts.log.gone(names)
      this.#save().then(
        () => this.#state === 'sending' && this.#replaceLater(),
        (error: unknown) => this.#on.fail(error),
      )
    })
  }

  #tellSuspended(): void {
    const { entries } = this.#on.state
    const latest = lastAnnounced(this.#on.state)
    for (const one of entries.values()) {
      if (!isSuspended(one, latest, this.#ledSince)) this.#suspended.delete(one.name)
      else if (!this.#suspended.has(one.name)) {
        this.#suspended.add(one.name)
        this.#parts.log.suspended(one.name)
      }
    }
  }

  /** Notes twice in each heartbeat that the event loop runs. */
  #beat(): void {
    if (this.#isUntimely()) return
    const { clock, heartbeat } = this.#parts
    this.#timers.beat = clock.after(heartbeat / 2, () => this.#beat())
  }

  /** Ends the lead of a process that stood still, or whose clock was set back. */
  #isUntimely(): boolean {
    const { trouble } = this.#clocks
    if (trouble !== undefined) this.#on.fail(new Error(trouble))
    else this.#clocks.note()
    return trouble !== undefined
  }
}

function hasChanged(outcome: Outcome): boolean {
  if (outcome.kind === 'merged') return outcome.merged.changed.length > 0
  return outcome.kind === 'applied' && outcome.applied.changed
}
