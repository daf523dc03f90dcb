import { isPoisonous } from '../../broker/failures.ts'
import { TwqError } from '../../errors.ts'
import type { SendHooks } from '../../plugins/send-hooks.ts'
import { sentAgain } from '../../protocol/headers/suspect.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { DeclaredQueues } from '../../sending/declared-queues.ts'
import { prepareTask } from '../../sending/prepare-task.ts'
import type { Router } from '../../sending/router.ts'
import type { AnyArguments, Send, SendOptions } from '../../tasks/sending.ts'
import { endedSignature } from '../state/ended-run.ts'
import type { Occurrence } from './due-entries.ts'
import type { LeadPublisher } from './lead-publisher.ts'

/** The parts that sending an occurrence works with. */
export interface OccurrenceSenderParts {
  /** The queue of schedules, to which the end of a run is published. */
  readonly queue: string
  readonly router: Router
  readonly queues: DeclaredQueues
  /** Plugins around what is sent. */
  readonly hooks: SendHooks | undefined
  /** As whom it is sent: `gen<pid>@<host>`. */
  readonly origin: string
  readonly clock: Clock
}

type PlainSend = (task: string, args: AnyArguments, options: SendOptions) => Promise<{ readonly id: string }>

/** Celery's header with the name of the entry, which django-celery-results stores. */
export const PERIODIC_HEADER = 'periodic_task_name'

/** Sends occurrences as any task is sent, but by the publisher of a lead, so that none leaves once that is over. */
export class OccurrenceSender {
  readonly #parts: OccurrenceSenderParts

  constructor(parts: OccurrenceSenderParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the broker has the message; one that a former leader may have sent is marked. Rejects as `send` does for a task that can't
   * be sent, with `TWQ_PUBLISH_UNROUTABLE` where no queue takes it, and as the publisher does.
   */
  async send(
    publish: LeadPublisher['publish'],
    { name, entry, id, mayBeSent = false }: Pick<Occurrence, 'name' | 'entry' | 'id' | 'mayBeSent'>,
  ): Promise<void> {
    const publishMarked: LeadPublisher['publish'] = ({ route, message }) =>
      publish({ route, message: sentAgain(message) })
    const plain: PlainSend = (task, args, options) =>
      this.#publish(mayBeSent ? publishMarked : publish, task, args, options)
    const { hooks } = this.#parts
    const send =
      hooks === undefined
        ? plain
        : (hooks.around(plain as unknown as Send, undefined, 'schedule') as unknown as PlainSend)
    const headers = { ...entry.options.headers, [PERIODIC_HEADER]: name }
    const ended = entry.overlapTimeout === undefined ? undefined : endedSignature(this.#parts.queue, { name, id })
    const links = ended && { link: ended, linkError: ended }
    await send(entry.task, entry.args, { ...entry.options, ...links, taskId: id, headers })
  }

  async #publish(
    publish: LeadPublisher['publish'],
    task: string,
    args: AnyArguments,
    options: SendOptions,
  ): Promise<{ id: string }> {
    const { router, queues, origin, clock } = this.#parts
    const id = options.taskId as string
    const facts = { id, now: clock.now(), origin, replyTo: undefined, router }
    const { queue, outgoing } = prepareTask(task, args, options, facts)
    for (const attempt of ['first', 'second']) {
      if (!queues.has(queue)) await queues.declare(queue)
      try {
        if ((await publish(outgoing)) === 'confirmed') return { id }
      } catch (error) {
        if (attempt === 'second' || !isPoisonous(error)) throw error
      }
      // The queue, or its exchange, was deleted, or is another broker's.
      if (attempt === 'first') queues.forget(queue)
    }
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `${task}[${id}] could not be routed to queue '${queue}'`, {
      hint: `Start a worker that consumes '${queue}', or let this user declare queues`,
    })
  }
}
