import type { Publisher } from '../../broker/publisher.ts'
import type { FollowUp } from '../../canvas/apply.ts'
import { TwqError } from '../../errors.ts'
import type { SendHooks } from '../../plugins/send-hooks.ts'
import { sentAgain } from '../../protocol/headers/suspect.ts'
import { addHeaders } from '../../protocol/task/add-headers.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { DeclaredQueues } from '../../sending/declared-queues.ts'
import type { DelayedTasks } from '../../sending/delayed-tasks.ts'
import type { SendKind } from '../../tasks/plugin.ts'
import { allOver } from '../request/progress.ts'

/** Messages that wait for their confirms at once: far below the publisher's limit. */
const BATCH = 1_000

const PUBLISHING_TELLS = [
  'TWQ_CHANNEL_CLOSED',
  'TWQ_QUEUE_LOCKED',
  'TWQ_QUEUE_MISMATCH',
  'TWQ_QUEUE_MISSING',
  'TWQ_QUEUE_DOWN',
] as const

/** The message that these follow, and how: for plugins around sends. */
export interface Cause {
  readonly kind: SendKind
  readonly message: TaskMessage
  /** Whether another run of the attempt that they follow may send them as well: they are marked then. */
  readonly otherRunMaySend?: boolean
}

/** Publishes the messages that follow from a task: to their queues, or to native delayed delivery if they are due late. */
export class FollowUpPublisher {
  readonly #publisher: Publisher
  readonly #queues: Pick<DeclaredQueues, 'has' | 'declare' | 'forget'>
  readonly #delays: Pick<DelayedTasks, 'publish'>
  readonly #hooks: SendHooks | undefined

  constructor(
    publisher: Publisher,
    queues: Pick<DeclaredQueues, 'has' | 'declare' | 'forget'>,
    delays: Pick<DelayedTasks, 'publish'>,
    hooks?: SendHooks,
  ) {
    this.#publisher = publisher
    this.#queues = queues
    this.#delays = delays
    this.#hooks = hooks
  }

  /**
   * Resolves once the broker has confirmed every one of them. Rejects with `TWQ_PUBLISH_UNROUTABLE` for one that reached no
   * queue, `TWQ_QUEUE_MISSING` for a missing exchange, `TWQ_BROKER_PERMISSION` or `TWQ_PUBLISH_REFUSED` for one that the broker
   * refused, or with the reason for giving up, once the outcome of the others is known: those in `confirmed` are not published
   * again. With a `cause`, plugins are called around each of them.
   */
  async publish(followUps: readonly FollowUp[], confirmed?: Set<object>, cause?: Cause): Promise<void> {
    const left = confirmed === undefined ? followUps : followUps.filter((followUp) => !confirmed.has(followUp))
    for (let start = 0; start < left.length; start += BATCH) {
      await allOver(left.slice(start, start + BATCH).map((followUp) => this.#publishOne(followUp, confirmed, cause)))
    }
  }

  async #publishOne(given: FollowUp, confirmed: Set<object> | undefined, cause: Cause | undefined): Promise<void> {
    const followUp = cause?.otherRunMaySend === true ? marked(given) : given
    if (this.#hooks === undefined || cause === undefined) await this.#untilConfirmed(followUp)
    else await this.#surrounded(followUp, cause, this.#hooks)
    confirmed?.add(given)
  }

  async #surrounded(followUp: FollowUp, { kind, message: parent }: Cause, hooks: SendHooks): Promise<void> {
    const { task, id, queue, outgoing } = followUp
    await hooks.follow({ kind, task, id, queue, parent }, async (headers) => {
      const message = headers === undefined ? outgoing.message : addHeaders(outgoing.message, headers)
      await this.#untilConfirmed({ ...followUp, outgoing: { ...outgoing, message } })
    })
  }

  async #untilConfirmed(followUp: FollowUp): Promise<void> {
    const { id, task, queue, eta, outgoing } = followUp
    if (!this.#queues.has(queue)) await this.#declare(queue)
    if (eta !== undefined && (await this.#delays.publish(followUp))) return
    if ((await this.#publisher.publish(outgoing, { mandatory: true })) === 'confirmed') return
    // The queue was deleted since it was declared.
    this.#queues.forget(queue)
    await this.#declare(queue)
    if ((await this.#publisher.publish(outgoing, { mandatory: true })) === 'confirmed') return
    const { exchange, routingKey } = outgoing.route
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `${task}[${id}] reached no queue`, {
      hint: `Is a queue bound to exchange "${exchange}" with key "${routingKey}"?`,
    })
  }

  /** A queue that can't be declared, for example one locked by its owner, may still accept messages: publishing shows that. */
  async #declare(queue: string): Promise<void> {
    try {
      await this.#queues.declare(queue)
    } catch (error) {
      if (!TwqError.is(error, ...PUBLISHING_TELLS)) throw error
    }
  }
}

/** The same, of which there may be two: the step of a chain has one id, whichever run of the step before it sends it. */
function marked(followUp: FollowUp): FollowUp {
  const { outgoing } = followUp
  return { ...followUp, outgoing: { ...outgoing, message: sentAgain(outgoing.message) } }
}
