import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { Intake } from '../intake/intake.ts'
import type { Moments, WorkerObserver } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { PoolSize } from '../run/pool-size.ts'
import type { ConsumerChannels } from './consumer-channels.ts'
import type { WorkerHealth } from './health.ts'
import type { Service } from './services.ts'
import { type StartupWarningsParts, warnAtStart } from './startup-warnings.ts'
import type { Worker, WorkerReport } from './worker.ts'

/** What starts and stops with a worker, and what reports its state. */
export interface RunningWorkerParts extends StartupWarningsParts {
  /** In the order in which they start. */
  readonly services: readonly Service[]
  readonly moments: Pick<Moments, 'ready' | 'stopping'>
  readonly channels: Pick<ConsumerChannels, 'areEmpty'>
  readonly intake: Pick<Intake, 'idle'>
  readonly table: RequestTable
  readonly health: Pick<WorkerHealth, 'report'>
  readonly poolSize: Pick<PoolSize, 'size'>
  readonly prefetch: Pick<Prefetch, 'count'>
  readonly consumer: Pick<Consumer, 'consuming'>
  readonly clock: Clock
}

/** A worker from its start to its end: starts its services in order, and stops the started ones in reverse. */
export class RunningWorker implements Worker, WorkerObserver {
  readonly node: string
  readonly #parts: RunningWorkerParts
  readonly #skipGrace = sharedAbort()
  readonly #skipAbort = sharedAbort()
  readonly #stopped = deferred<'clean' | 'forced'>()
  /** The services that were told to start, the last one first. */
  readonly #begun: Service[] = []
  #stopping: Promise<'clean' | 'forced'> | undefined
  #failure: Error | undefined

  constructor(parts: RunningWorkerParts) {
    this.node = parts.config.nodeName
    this.#parts = parts
    // Without a handler the rejection would end the process; it is logged in any case.
    this.stopped.catch(() => {})
  }

  get stopped(): Promise<'clean' | 'forced'> {
    return this.#stopped.promise
  }

  report(): WorkerReport {
    return this.#parts.health.report()
  }

  async start(): Promise<void> {
    const { config, registry, services, moments, poolSize, prefetch, clock, logger } = this.#parts
    const startedAt = clock.monotonic()
    const { acks } = config
    const queues = config.queues.map(({ name }) => name)
    logger.info(
      { event: 'worker.starting', broker: redactUrl(config.broker), queues, tasks: registry.names() },
      'starting',
    )
    try {
      for (const service of services) {
        this.#begun.unshift(service)
        await service.start?.()
        // A shutdown has overtaken the services that would start now.
        if (this.#stopping !== undefined) {
          throw new TwqError('TWQ_CLOSED', 'the worker was stopped before it was ready', {
            hint: 'A worker starts once: create another one.',
          })
        }
      }
    } catch (error) {
      // The one that failed may have started in part.
      if (this.#stopping === undefined) void this.stop('cold')
      await this.#stopping
      throw error
    }
    warnAtStart(this.#parts)
    moments.ready()
    const ms = Math.round(clock.monotonic() - startedAt)
    const size = { concurrency: poolSize.size, prefetch: prefetch.count }
    const { consuming } = this.#parts.consumer
    const missing = queues.filter((name) => !consuming.includes(name))
    const fields = { event: 'worker.ready' as const, queues, ...(missing.length > 0 && { missing }), ...size, acks }
    logger.info({ ...fields, ready_ms: ms }, missing.length === 0 ? 'ready' : 'ready; some queues are not consumed yet')
  }

  async isIdle(): Promise<boolean> {
    const { channels, intake, table } = this.#parts
    const empty = await channels.areEmpty()
    await intake.idle()
    return empty && table.size === 0
  }

  /** Shuts down like a warm stop; a second request must not skip the grace period. */
  shutdownRequested(): void {
    if (this.#stopping === undefined) void this.stop('warm')
  }

  /** Stops at once: without its connections a worker can settle nothing, and others will run what it holds. */
  connectionFailed(error: Error): void {
    this.#failure ??= error
    void this.stop('cold')
  }

  stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'> {
    if (this.#stopping !== undefined && !this.#skipGrace.signal.aborted) this.#skipGrace.abort()
    else if (this.#stopping !== undefined) this.#skipAbort.abort()
    if (kind === 'cold') this.#skipGrace.abort()
    this.#stopping ??= this.#shutDown()
    return this.#stopping
  }

  async #shutDown(): Promise<'clean' | 'forced'> {
    const { moments, logger } = this.#parts
    const skip = { grace: this.#skipGrace.signal, abort: this.#skipAbort.signal }
    moments.stopping()
    let how: 'clean' | 'forced' = 'clean'
    for (const service of this.#begun) {
      try {
        if ((await service.stop?.(skip)) === 'forced') how = 'forced'
      } catch (error) {
        // Services started before it must still be closed, and those that wait for the end must be told.
        const failed = messageOf(error)
        this.#failure ??= new TwqError('TWQ_INTERNAL', `the worker could not stop all of itself: ${failed}`, {
          cause: error,
        })
        const fields = { event: 'worker.stop-failed' as const, error: failed, hint: hintOf(error) }
        logger.error(fields, 'a part of the worker could not be stopped; stopping the others')
      }
    }
    logger.info({ event: 'worker.stopped', how }, 'stopped')
    if (this.#failure === undefined) this.#stopped.resolve(how)
    else this.#stopped.reject(this.#failure)
    return how
  }
}
