import type { Broker } from '../../broker/broker.ts'
import type { DeclaringChannels } from '../../broker/channels/declaring-channels.ts'
import { ensureMayPublish } from '../../broker/probe-publishing.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { hintOf, messageOf } from '../../errors.ts'
import type { Pool } from '../../pool/pool.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { unlessAborted } from '../../runtime/time/time-limit.ts'
import type { ConsumerTimeouts } from '../consume/consumer-timeouts.ts'
import type { Isolation } from '../quarantine/isolation.ts'
import type { Moments } from '../request/moments.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import { AbsenceLog } from './absence-log.ts'
import type { Outbound } from './outbound.ts'
import { logSession } from './session-log.ts'

/** The connections of a worker, and its pool. */
export interface ConnectionsParts {
  readonly config: Pick<Config, 'nodeName'>
  readonly broker: Broker
  readonly consuming: Session
  readonly declaring: DeclaringChannels
  readonly outbound: Pick<Outbound, 'publishing' | 'results' | 'stopReading'>
  readonly timeouts: ConsumerTimeouts
  readonly pool: Pool
  readonly isolation: Isolation
  readonly dispatcher: Pick<Dispatcher, 'idle'>
  readonly moments: Pick<Moments, 'connectionLost' | 'connectionRegained' | 'connectionFailed'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// How long closing the connections may take, in milliseconds.
const CLOSING_TIME = 2_000
// The limit for the reader of results: longer than the readers of this package take themselves.
const READER_CLOSING_TIME = 6_000

/** The connections to the broker and the result backend, and the pool: they start in parallel; the pool ends first. */
export class Connections {
  readonly #parts: ConnectionsParts

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { config, broker, consuming, outbound, pool, timeouts, moments, clock, logger } = this.#parts
    const { publishing, results } = outbound
    const absence = new AbsenceLog({ clock, logger, terminal: process.stderr.isTTY === true })
    const log = { logger, absence, timeouts }
    for (const [role, session] of [['consumer', consuming] as const, ['publisher', publishing] as const]) {
      let lost = false
      session.listen((event) => {
        logSession(log, role, event)
        if (event.kind === 'lost') {
          lost = true
          moments.connectionLost(role, event.error)
        }
        if (event.kind === 'connected' && lost) moments.connectionRegained(role, event.downtimeMs)
        if (event.kind === 'failed') moments.connectionFailed(event.error)
      })
    }
    // Without it every task would run and none could be settled.
    const mayPublish = publishing.start().then(() => ensureMayPublish(broker, `${config.nodeName} probe`))
    await Promise.all([mayPublish, consuming.start(), pool.start(), results.service?.start()])
  }

  async stop(): Promise<void> {
    const { consuming, declaring, outbound, pool, isolation, dispatcher } = this.#parts
    const { publishing, results } = outbound
    await this.#closeResults(() => outbound.stopReading(), AbortSignal.timeout(READER_CLOSING_TIME))
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await Promise.all([pool.stop({ deadline }), isolation.stop({ deadline })])
    // A task interrupted only now may have been acknowledged early: its failure is stored.
    await unlessAborted(dispatcher.idle(), deadline).catch(() => {})
    await declaring[Symbol.asyncDispose]()
    await Promise.all([
      ...[consuming, publishing].map((session) => session.stop({ deadline })),
      this.#closeResults(async () => await results.service?.stop({ deadline }), deadline),
    ])
  }

  /**
   * Closes a part of the result backend, which may be custom code: nothing else waits for one that fails, or does not end in
   * time.
   */
  async #closeResults(close: () => Promise<void>, deadline: AbortSignal): Promise<void> {
    try {
      await unlessAborted(close(), deadline)
    } catch (error) {
      const { logger } = this.#parts
      logger.error(
        { event: 'results.not-closed', error: messageOf(error), hint: hintOf(error) },
        'the result backend could not be closed; stopping without it',
      )
    }
  }
}
