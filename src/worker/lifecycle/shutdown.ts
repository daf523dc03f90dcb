import { TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { Suspects } from '../consume/suspects.ts'
import type { Intake } from '../intake/intake.ts'
import type { Republisher } from '../quarantine/republisher.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import type { KeptOutcomes } from '../settle/kept-outcomes.ts'
import type { Delays } from '../waiting/delays.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { RateLimits } from '../waiting/rate-limits.ts'

// How long returning the messages of tasks that ignore everything may take, in milliseconds.
const RETURNING_TIME = 2_000

/** The parts that a shutdown works with. Times in milliseconds. */
export interface ShutdownParts {
  readonly consumer: Consumer
  readonly suspects: Suspects
  readonly intake: Intake
  readonly aside: HeldAside
  readonly delays: Pick<Delays, 'remove'>
  readonly rateLimits: RateLimits
  readonly dispatcher: Dispatcher
  /** The outcomes that can't be settled for now. */
  readonly kept: Pick<KeptOutcomes, 'tryNow' | 'abandon'>
  readonly table: RequestTable
  readonly clock: Clock
  readonly logger: EventLogger
  readonly republisher: Pick<Republisher, 'giveBackOnce'>
  readonly grace: number
  readonly abort: number
}

/** Each signal ends one wait early. */
export interface Skip {
  readonly grace: AbortSignal
  readonly abort: AbortSignal
}

/**
 * The drain: stop consuming, return what has not started, let running tasks finish within `grace`, abort them, and return those
 * that ignore even that. `clean` if every attempt ended by itself.
 */
export async function drain(parts: ShutdownParts, skip: Skip): Promise<'clean' | 'forced'> {
  const { consumer, suspects, intake, dispatcher, table, logger } = parts
  intake.close()
  await within(parts.clock, parts.abort, skip.abort, Promise.all([consumer.stop(), suspects.stop()]))
  const unstarted = [...parts.delays.remove(() => true), ...parts.rateLimits.remove(() => true), ...dispatcher.stop()]
  const returned = giveBack(unstarted, parts)
  const running = dispatcher.unfinished
  logger.info({ event: 'worker.draining', running, returned: unstarted.length, grace_ms: parts.grace }, 'draining')
  const finished = Promise.all([returned, parts.aside.close(), dispatcher.idle(), intake.idle()])
  if (await within(parts.clock, parts.grace, skip.grace, finished)) return 'clean'

  const late = table.inState('active')
  if (late.length > 0) {
    logger.warn(
      { event: 'worker.aborting', running: late.length, tasks: late.map(nameAndId) },
      'the grace period is over; aborting the running tasks',
    )
  }
  const reason = new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down', {
    hint: 'Let the error escape: the task goes back to its queue and another worker runs it.',
  })
  for (const request of late) request.abort(reason)
  parts.kept.tryNow()
  if (await within(parts.clock, parts.abort, skip.abort, finished)) return late.length > 0 ? 'forced' : 'clean'

  const stubborn = table.all()
  const deaf = table.inState('active').length
  logger.error(
    {
      event: 'worker.abandoning',
      running: deaf,
      unsettled: stubborn.length - deaf,
      tasks: stubborn.map(nameAndId),
    },
    deaf > 0
      ? 'tasks ignore the abort signal; returning what is not settled'
      : "the outcomes of tasks can't be settled in time; returning their messages",
  )
  // If interrupted, it would leave both a message and its copy.
  await within(parts.clock, RETURNING_TIME, new AbortController().signal, giveBack(stubborn, parts))
  parts.kept.abandon()
  return 'forced'
}

async function giveBack(requests: readonly Request[], parts: ShutdownParts): Promise<void> {
  for (const request of requests) parts.table.remove(request)
  await parts.republisher.giveBackOnce(requests)
}

function nameAndId(request: Request): string {
  return `${request.message.task}[${request.message.id}]`
}

/** True if `work` ended within `ms`; false if time ran out or `skip` aborted first. */
async function within(clock: Clock, ms: number, skip: AbortSignal, work: Promise<unknown>): Promise<boolean> {
  const giveUp = deferred<false>()
  const timer = clock.after(ms, () => giveUp.resolve(false))
  const onSkip = (): void => giveUp.resolve(false)
  if (skip.aborted) onSkip()
  skip.addEventListener('abort', onSkip, { once: true })
  try {
    return await Promise.race([work.then(() => true), giveUp.promise])
  } finally {
    timer.cancel()
    skip.removeEventListener('abort', onSkip)
  }
}
