import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { createSession } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { exceptionRepr } from '../../protocol/python-repr.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { Send } from '../../tasks/sending.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { storeOrFail } from '../../worker/follow-ups/store-result.ts'
import { openOutbound } from '../../worker/lifecycle/outbound.ts'
import { Moments } from '../../worker/request/moments.ts'
import { Progress } from '../../worker/request/progress.ts'
import { decideSettlement } from '../../worker/settle/settlement.ts'

/** Publishes what a worker would publish because of an attempt, where that is asked for. */
export interface Publication extends AsyncDisposable {
  /** A way to send tasks as children of a message. */
  readonly sendFor: (message: TaskMessage) => Send
  /**
   * Sends what follows the task, and stores its result; resolves once all is confirmed. A part of a chord is not counted: its chord is
   * over, or waits for the message itself. A retry is not sent.
   */
  settle(message: TaskMessage, task: AnyTask, outcome: Outcome): Promise<void>
}

// Milliseconds: a person waits for the broker, and for the end of the connections.
const PATIENCE = 5_000
const CLOSING_TIME = 2_000
// There is no message: nothing is kept of it.
const FLAGS = {
  acks: 'late',
  ackOnFailure: true,
  ackOnTimeout: true,
  rejectOnLost: false,
  deadLetters: true,
} as const

/** Connects to the broker and the result backend of the configuration. Rejects where the broker can't be reached in time. */
export async function openPublication(
  config: Config,
  registry: TaskRegistry,
  logger: EventLogger,
): Promise<Publication> {
  const name = 'twq task run'
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name })
  const clock = systemClock
  const declaring = createSession({ broker, name, clock, random: Math.random, giveUpAfter: PATIENCE })
  const leaving = sharedAbort()
  const { publishing, results, followUps, sender, stopReading } = openOutbound({
    ...{ config, registry, broker, declaring, clock, logger },
    // It sets nothing aside, and keeps no failures.
    declarations: { isQuorum: () => false },
    moments: new Moments(),
    sendHooks: undefined,
    leaving: leaving.signal,
  })
  await declaring.start()
  await Promise.all([publishing.start(), results.service?.start()])
  return {
    sendFor: (message) => sender.sendFor(message),
    async settle(message, task, outcome) {
      const ignoreResult = message.ignoreResult ?? task.settings.ignoreResult ?? false
      const { ending, record } = decideSettlement(outcome, message, { ...FLAGS, ignoreResult })
      if (ending === undefined) return
      const followed = await followUps.follow(message, ending, new Progress())
      if (followed.kind === 'failed') {
        throw new TwqError('TWQ_TASK_FAILED', `what follows it can't be sent: ${exceptionRepr(followed.error)}`)
      }
      if (record !== undefined) await storeOrFail(results, { ...record, children: followed.children }, message)
    },
    async [Symbol.asyncDispose]() {
      const deadline = AbortSignal.timeout(CLOSING_TIME)
      await stopReading()
      leaving.abort()
      await Promise.all([declaring, publishing, results.service].map((part) => part?.stop({ deadline })))
    },
  }
}
