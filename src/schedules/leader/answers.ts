import type { Channel, Delivery } from '../../broker/broker.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { placeOfTable, quarantineMessage } from '../../protocol/headers/quarantine.ts'
import { stringifyJson } from '../../protocol/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Outcome } from '../state/inbox.ts'
import { schedulesMessage } from '../state/messages.ts'
import type { Occurrence } from './due-entries.ts'

/** The type of an answer to a command. */
export const ANSWER = 'twq.schedules.answer'

/** Answers a command, where its sender wants that. */
export async function answer({ properties }: Delivery, outcome: Outcome, channel: Channel): Promise<void> {
  const { replyTo, correlationId } = properties
  if (replyTo === undefined || (outcome.kind !== 'applied' && outcome.kind !== 'refused')) return
  const body =
    outcome.kind === 'applied'
      ? { answer: outcome.applied.answer }
      : { error: { message: messageOf(outcome.error), hint: hintOf(outcome.error) ?? null } }
  const message = schedulesMessage(ANSWER, Buffer.from(stringifyJson(body)), { correlationId, deliveryMode: 1 })
  await channel.publish({ exchange: '', routingKey: replyTo }, message)
}

/** What setting aside takes. */
interface AsideParts {
  readonly channel: Channel
  readonly queue: string
  readonly node: string
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Puts a message that can't be read into the quarantine of its queue. Where that takes none it stays unacknowledged, and comes again. */
export async function setAside(delivery: Delivery, reason: string, parts: AsideParts): Promise<void> {
  const { channel, queue, node, clock, logger } = parts
  const detail = cutText(reason)
  const { route, redelivered } = delivery
  const why = { type: 'InvalidScheduleError', detail, id: undefined, task: undefined, starts: undefined }
  const facts = { queue, route, redelivered, ...why, node, now: clock.now() }
  const { route: to, message } = quarantineMessage(delivery, facts, placeOfTable(delivery))
  const taken = await channel.publish(to, message, { mandatory: true })
  if (taken === 'confirmed') delivery.ack()
  const error = taken === 'confirmed' ? undefined : `the queue ${to.routingKey} does not exist`
  logger.error({ event: 'schedules.malformed', queue, detail, error }, 'a message about schedules can not be read')
}

/** Tells the log what happens to schedules. */
export class OutcomeLog {
  readonly #logger: EventLogger

  constructor(logger: EventLogger) {
    this.#logger = logger
  }

  /** What a message has come to. */
  tell(outcome: Outcome): void {
    if (outcome.kind === 'merged') {
      const { announcement, merged } = outcome
      const { worker } = announcement
      if (merged.changed.length > 0) {
        this.#logger.info({ event: 'schedules.changed', worker, ...listed(merged.changed) }, 'schedules have changed')
      }
      for (const { name, reason } of merged.refused.slice(0, MOST_TOLD)) {
        const fields = { event: 'schedules.refused' as const, worker, schedule: name, reason: cutText(reason) }
        this.#logger.warn(fields, 'a schedule can not be taken')
      }
    } else if (outcome.kind === 'applied' || outcome.kind === 'refused') {
      const { method, name } = outcome.command
      if (method === 'list') return
      const error = outcome.kind === 'refused' ? messageOf(outcome.error) : undefined
      this.#logger.info(
        { event: 'schedules.command', method, schedule: cutText(name, 200), error },
        'a command about schedules',
      )
    }
  }

  gone(names: readonly string[]): void {
    this.#logger.info(
      { event: 'schedules.changed', ...listed(names) },
      'schedules that no worker has had for a day are gone',
    )
  }

  suspended(name: string): void {
    this.#logger.warn({ event: 'schedule.suspended', schedule: name }, 'no worker has this schedule any more')
  }

  sent({ name, entry, id, due }: Occurrence, lag: number): void {
    const fields = { schedule: name, task: entry.task, id, due: new Date(due).toISOString(), lag_ms: lag }
    this.#logger.debug({ event: 'schedule.sent', ...fields }, 'schedule sent')
  }

  missed({ name, count }: { readonly name: string; readonly count: number }): void {
    this.#logger.warn(
      { event: 'schedule.missed', schedule: name, count },
      'due times have passed, and are not made up for',
    )
  }

  skipped({ name, due }: Occurrence): void {
    const fields = { schedule: name, due: new Date(due).toISOString() }
    this.#logger.info({ event: 'schedule.skipped', ...fields }, 'the last run of this schedule has not ended')
  }

  overdue(name: string, id: string): void {
    this.#logger.warn(
      { event: 'schedule.overdue', schedule: name, id },
      'a run has not told of its end: it is not waited for any more',
    )
  }

  failed({ name, entry, id, due }: Occurrence, error: unknown): void {
    const fields = { schedule: name, task: entry.task, id, due: new Date(due).toISOString() }
    const why = { error: cutText(messageOf(error)), hint: hintOf(error) }
    this.#logger.error({ event: 'schedule.failed', ...fields, ...why }, 'a scheduled task could not be sent')
  }
}

const MOST_TOLD = 20

function listed(names: readonly string[]): { readonly schedules: readonly string[]; readonly count: number } {
  return { schedules: names.slice(0, MOST_TOLD), count: names.length }
}

/** The refusal of a command by the configuration of the worker that leads. */
export function notAllowed(method: string, node: string): TwqError {
  return new TwqError('TWQ_SCHEDULE', `${node} takes no command schedule_${method}`, {
    hint: "Its `control` says which commands may be given: 'all', or a list that has this one",
  })
}
