import type { Channel, Delivery } from '../../broker/broker.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { stringifyJson } from '../../protocol/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import type { Outcome } from '../state/inbox.ts'
import { schedulesMessage } from '../state/messages.ts'
import type { Occurrence } from './due-entries.ts'

/** The type of an answer to a command. */
export const ANSWER = 'twq.schedules.answer'

/** Answers a command, where its sender wants that. The leader does not wait until a queue takes the answer. */
export function answer({ properties }: Delivery, outcome: Outcome, channel: Channel): void {
  const { replyTo, correlationId } = properties
  if (replyTo === undefined || (outcome.kind !== 'applied' && outcome.kind !== 'refused')) return
  const body =
    outcome.kind === 'applied'
      ? { answer: outcome.applied.answer }
      : { error: { message: messageOf(outcome.error), hint: hintOf(outcome.error) ?? null } }
  const message = schedulesMessage(ANSWER, Buffer.from(stringifyJson(body)), { correlationId, deliveryMode: 1 })
  channel.publish({ exchange: '', routingKey: replyTo }, message).catch(() => {})
}

/** Tells the log what happens to schedules. */
export class OutcomeLog {
  readonly #logger: EventLogger

  constructor(logger: EventLogger) {
    this.#logger = logger
  }

  /** The outcome of a message. */
  tell(outcome: Outcome): void {
    if (outcome.kind === 'merged') {
      const { announcement, merged } = outcome
      const { worker } = announcement
      if (merged.changed.length > 0) {
        this.#logger.info({ event: 'schedules.changed', worker, ...listed(merged.changed) }, 'schedules have changed')
      }
      for (const { name, reason } of merged.refused.slice(0, MOST_TOLD)) {
        const fields = { event: 'schedules.refused' as const, worker, schedule: name, reason: cutText(reason) }
        this.#logger.warn(fields, "a schedule can't be taken")
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

  setBack(ahead: number): void {
    this.#logger.warn(
      { event: 'schedules.set-back', ahead_ms: ahead, hint: 'Compare the clocks of the workers: timedatectl' },
      'the clock of the leader before was ahead of this one: going on from now, and what was sent early is sent again under the same id',
    )
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
