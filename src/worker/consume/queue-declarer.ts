import type { DeclaringChannels } from '../../broker/channels/declaring-channels.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import { declareSuspects } from '../../queues/companions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { DeclaredQueue, Moments, WorkerObserver } from '../request/moments.ts'
import type { Declarations } from './declarations.ts'
import { declareQueue } from './declare-queue.ts'

/** The parts that declaring what is consumed works with. */
export interface QueueDeclarerParts {
  /** The connection that will consume. */
  readonly consuming: Pick<Session, 'connection'>
  readonly declaring: DeclaringChannels
  readonly declarations: Declarations
  readonly moments: Pick<Moments, 'declared'>
  readonly config: Pick<Config, 'failures'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Declares the queues of a worker before they are consumed, each time anew, and records their properties. */
export class QueueDeclarer implements WorkerObserver {
  readonly #parts: QueueDeclarerParts
  readonly #told = new Set<string>()
  #lenient = false

  constructor(parts: QueueDeclarerParts) {
    this.#parts = parts
  }

  /** From now on a queue with other settings than the configuration's is a warning, not an error. */
  ready(): void {
    this.#lenient = true
  }

  /** Declares a task queue with its companions; see `declareQueue`. */
  async task(queue: TaskQueue): Promise<DeclaredQueue> {
    const { consuming, declaring, declarations, moments, config, clock, logger } = this.#parts
    const server = consuming.connection?.server
    const failures = config.failures === 'drop' ? undefined : config.failures
    const kept = { failures, told: this.#told, lenient: this.#lenient }
    const options = { session: declaring, server, clock, logger, ...kept }
    const declared = await declareQueue(queue, options).catch((error) => {
      if (TwqError.is(error)) declarations.down(queue.name, error)
      throw error
    })
    moments.declared(queue, declared)
    declarations.add(queue.name, declared)
    await declaring.arrived(queue.name)
    return declared
  }

  /** Declares the suspects of the task queue `queue`, once that was declared. */
  async suspects(queue: string): Promise<{ readonly quorum: boolean }> {
    const { declaring, declarations } = this.#parts
    const declared = await declareSuspects(declaring, queue, await declarations.of(queue))
    await declaring.arrived(suspectsQueue(queue))
    return declared
  }
}
