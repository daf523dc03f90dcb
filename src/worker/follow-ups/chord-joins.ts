import type { Channel, Delivery, Subscription } from '../../broker/broker.ts'
import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { DeclaringChannels } from '../../broker/channels/declaring-channels.ts'
import { restoreConsumer } from '../../broker/channels/restore-consumer.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { chordQueue, JOIN_QUEUE, JOIN_TASK } from '../../protocol/chord/queued-chord.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import { declareHoldingQueue, declareQuarantine } from '../../queues/companions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import { type ChordEnd, type CollectedChord, readChord } from './collected-chord.ts'
import type { FollowUps } from './follow-ups.ts'

/** The parts that joining chords works with. */
export interface ChordJoinsParts {
  readonly session: Session
  readonly declaring: DeclaringChannels
  readonly careful: CarefulConsumers
  readonly config: Pick<Config, 'maxBodySize' | 'queues'>
  /** If a task queue is a quorum queue, those of chords are declared as one, so that both survive the loss of a node. */
  readonly declarations: { anyQuorum(queues: readonly string[]): Promise<boolean> }
  readonly followUps: FollowUps
  readonly quarantine: Quarantine
  readonly clock: Clock
  readonly logger: EventLogger
}

/** The number of chords that one worker holds; the others wait for another worker, or for their turn. */
const MOST_JOINS = 1_000
// How often everything is returned and taken anew: RabbitMQ closes a channel whose messages are held for half an hour.
const HAND_BACK_AFTER = 600_000
const AS_IT_IS = `While no chord is under way, stop the workers and delete it: rabbitmqctl delete_queue ${JOIN_QUEUE}`
// In milliseconds: after this time tasks are consumed, but the worker is not ready.
const LONGEST_OPENING = 5_000
// Milliseconds before a chord is retried whose queue is down with its node, or whose end could not be confirmed.
const AGAIN_AFTER = 5_000

/**
 * Joins chords without a backend that stores results. The tasks of a header reply to a durable queue of their chord; a message
 * says which tasks those are, and is held unacknowledged, like the results, until every task has ended. Then the body is sent,
 * the queue deleted, and the message acknowledged, in this order: if this worker dies, another one, or the next, gets everything
 * again. Takes no slot of the worker. The body may be sent twice, with the same id.
 */
export class ChordJoins {
  readonly #parts: ChordJoinsParts
  readonly #joins = new Set<CollectedChord>()
  #source: Subscription | undefined
  #stopped = false

  constructor(parts: ChordJoinsParts) {
    this.#parts = parts
  }

  /**
   * Resolves when it consumes, or when the broker keeps it waiting. If it has no permission, the worker runs without it, and logs
   * that.
   */
  async open(): Promise<void> {
    const { session, clock, logger } = this.#parts
    const over = sharedAbort()
    const { ready } = session.keep('chords', (channel, gone) => this.#setup(channel, gone))
    const told = ready.catch((error) => {
      logger.warn({ event: 'chords.unavailable', error: messageOf(error) }, 'this worker joins no chords')
    })
    await Promise.race([told, pause(clock, LONGEST_OPENING, over.signal)])
    over.abort()
  }

  /** Sets up a new channel: the broker redelivers the messages of an earlier one. */
  async #setup(channel: Channel, gone: AbortSignal): Promise<void> {
    for (const join of this.#joins) this.#leave(join)
    if (this.#stopped) return
    try {
      await this.#consume(channel)
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
      void this.#restore(channel, gone)
    }
  }

  async #restore(channel: Channel, gone: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts
    const restored = await restoreConsumer({
      consume: () => this.#consume(channel),
      wanted: () => !this.#stopped && channel.isOpen,
      gone,
      onDown(error) {
        const hint = hintOf(error)
        const fields = { event: 'chords.unavailable' as const, error: error.message, hint }
        logger.warn(fields, 'this worker joins no chords until that node is back')
      },
      clock,
    })
    if (restored) logger.info({ event: 'chords.restored' }, 'this worker joins chords again')
  }

  async #consume(channel: Channel): Promise<void> {
    const { config, declarations, declaring, careful, logger } = this.#parts
    const wanted = { quorum: await declarations.anyQuorum(config.queues.map(({ name }) => name)) }
    const found = await declareHoldingQueue(declaring, JOIN_QUEUE, wanted)
    if (found.difference !== undefined) {
      const fields = { event: 'chords.differ' as const, queue: JOIN_QUEUE, difference: found.difference.message }
      if (found.quorum || !wanted.quorum) logger.info(fields, 'using the queue of chords as it is')
      else logger.warn({ ...fields, hint: AS_IT_IS }, 'the loss of a node may take chords, though no tasks')
    }
    await declareQuarantine(declaring, JOIN_QUEUE, found).catch((error: unknown) => {
      if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
    })
    await declaring.arrived(JOIN_QUEUE)
    await careful.prove(JOIN_QUEUE)
    // The limit applies to the next consumer: results are not limited.
    await channel.prefetch(MOST_JOINS, 'consumer')
    const asked = channel.consume(JOIN_QUEUE, (delivery) => void this.#take(delivery, channel), {
      // The queue was deleted, or its node was lost: a new channel declares it again.
      onCancelled: () => void channel[Symbol.asyncDispose](),
    })
    this.#source = await careful.started(JOIN_QUEUE, asked)
    await channel.prefetch(0, 'consumer')
  }

  /** Stops consuming, and returns what is not complete. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#source?.cancel().catch(() => {})
    await Promise.all([...this.#joins].map((join) => this.#handBack(join)))
  }

  async #take(delivery: Delivery, channel: Channel): Promise<void> {
    const { config, clock, logger } = this.#parts
    if (this.#stopped) {
      delivery.nack({ requeue: true })
      return
    }
    let join: CollectedChord | undefined
    try {
      join = readChord(delivery, config.maxBodySize)
      this.#joins.add(join)
      const queue = chordQueue(join.chord.groupId)
      if (!(await this.#exists(queue))) {
        // The worker that joined it died before it could acknowledge.
        this.#leave(join)
        delivery.ack()
        return
      }
      if (join.over) return
      const wait = Math.min(HAND_BACK_AFTER, Math.max(0, join.chord.until - clock.now()))
      join.timer = clock.after(wait, () => void this.#tooLong(join as CollectedChord, channel))
      join.subscription = await channel.consume(
        queue,
        (result) => this.#receive(result, join as CollectedChord, channel),
        {
          onCancelled: () => void this.#handBack(join as CollectedChord),
        },
      )
      if (join.over) await join.release()
      logger.debug({ event: 'chord.held', ...join.named, parts: join.chord.members.length }, 'collecting a chord')
    } catch (error) {
      if (join !== undefined) this.#leave(join)
      if (!delivery.alive) return
      if (TwqError.is(error, 'TWQ_MESSAGE_MALFORMED')) await this.#setAside(delivery, error)
      else if (TwqError.is(error, 'TWQ_QUEUE_DOWN')) clock.after(AGAIN_AFTER, () => delivery.nack({ requeue: true }))
      else delivery.nack({ requeue: true })
    }
  }

  async #exists(queue: string): Promise<boolean> {
    try {
      await this.#parts.session.withChannel((channel) => channel.inspectQueue(queue))
      return true
    } catch (error) {
      if (TwqError.is(error, 'TWQ_QUEUE_MISSING')) return false
      throw error
    }
  }

  #receive(delivery: Delivery, join: CollectedChord, channel: Channel): void {
    const end = join.take(delivery)
    if (end !== undefined) void this.#end(join, channel, end)
  }

  /** Everything is there, or never will be: the body is sent, or fails; then nothing is left of the chord. */
  async #end(join: CollectedChord, channel: Channel, { parts, lastId }: ChordEnd): Promise<void> {
    if (join.over) return
    const { followUps, clock, logger } = this.#parts
    const { chord, message, delivery } = join
    this.#leave(join)
    try {
      const member = chord.members.find(({ id }) => id === lastId) ?? chord.members[0]
      const id = member?.id ?? message.id
      const last: TaskMessage = { ...message, id, rootId: member?.rootId ?? id, group: chord.groupId }
      // A chord that failed as a whole has no shape.
      const shape = lastId === undefined ? null : chord.shape
      const how = await followUps.endChord(chord.body, { parts, shape }, last)
      await join.subscription?.cancel()
      await channel.deleteQueue(chordQueue(chord.groupId))
      delivery.ack()
      logger.info({ event: 'chord.joined', ...join.named, how }, 'chord joined')
    } catch (error) {
      logger.error({ event: 'chord.unsettled', ...join.named, error: messageOf(error) }, 'a chord is taken up again')
      await join.release()
      // An immediate retry would fail again.
      clock.after(AGAIN_AFTER, () => delivery.nack({ requeue: true }))
    }
  }

  async #tooLong(join: CollectedChord, channel: Channel): Promise<void> {
    if (this.#parts.clock.now() < join.chord.until) await this.#handBack(join)
    else await this.#end(join, channel, join.timedOut())
  }

  /** Requeues every message of a chord, in order: the next consumer gets all of them. */
  async #handBack(join: CollectedChord): Promise<void> {
    if (join.over) return
    this.#leave(join)
    await join.release()
    join.delivery.nack({ requeue: true })
  }

  #leave(join: CollectedChord): void {
    join.leave()
    this.#joins.delete(join)
  }

  async #setAside(delivery: Delivery, error: TwqError): Promise<void> {
    const { quarantine, logger } = this.#parts
    const reason = { type: 'InvalidTaskError', detail: error.message, id: undefined, task: JOIN_TASK }
    try {
      await quarantine.take(delivery, JOIN_QUEUE, reason)
      delivery.ack()
      logger.error({ event: 'message.quarantined', queue: JOIN_QUEUE, detail: error.message }, 'message quarantined')
    } catch (problem) {
      logger.error({ event: 'message.stuck', queue: JOIN_QUEUE, error: messageOf(problem) }, 'a message is stuck')
    }
  }
}
