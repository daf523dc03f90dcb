import type { Broker, Channel, ServerInfo } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import { allows, changes, ownCommands } from '../../config/options/control-policy.ts'
import { commandTable } from '../../control/command.ts'
import { commands } from '../../control/commands/all.ts'
import { Mailbox } from '../../control/mailbox.ts'
import { fromOwn } from '../../control/own-command.ts'
import type { WorkerView } from '../../control/worker-view.ts'
import { Heartbeat } from '../../events/heartbeat.ts'
import type { EventPublisher } from '../../events/publisher.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Moments, WorkerObserver } from '../request/moments.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import { type ViewParts, workerView } from './control-view.ts'
import { mingle } from './mingle.ts'

/** What remote control reads and changes. */
export interface RemoteControlParts extends Omit<ViewParts, 'events' | 'shutDown'> {
  /** Told of `shutdownRequested`. */
  readonly moments: Pick<Moments, 'shutdownRequested'>
  readonly dispatcher: Dispatcher
  readonly events: EventPublisher
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Answers Celery's remote control, exchanges revocations with other workers, and sends worker events to monitors. */
export class RemoteControl implements WorkerObserver {
  readonly #parts: RemoteControlParts
  readonly #view: WorkerView
  readonly #mailbox: Mailbox
  readonly #beats: Heartbeat

  constructor(parts: RemoteControlParts) {
    const { config, dispatcher, taskCounters, events, lamport, moments, clock, logger } = parts
    this.#parts = parts
    this.#beats = new Heartbeat({
      enabled: config.workerEvents,
      interval: config.eventHeartbeat,
      clock,
      announce: (event) => events.announce(event),
      load: () => ({ active: dispatcher.running, processed: taskCounters.processed }),
    })
    this.#view = workerView({
      ...parts,
      events: {
        enable: () => events.enable(),
        disable: () => events.disable(),
        beat: () => this.#beats.answer(),
      },
      shutDown: () => moments.shutdownRequested(),
    })
    const own = Object.entries(ownCommands(config.control)).map(([name, command]) => fromOwn(name, command))
    this.#mailbox = new Mailbox({
      worker: this.#view,
      commands: commandTable([...commands, ...own]),
      allows: (command) => allows(config.control, command),
      changes: (command) => changes(config.control, command),
      lamport,
      clock,
      logger,
    })
  }

  /** Exchanges revocations with the workers that run already. Never rejects. */
  async mingle(broker: Broker): Promise<void> {
    const { lamport, clock, logger } = this.#parts
    await mingle({ broker, worker: this.#view, lamport, clock, logger })
  }

  /** Answers requests on a new channel until `over` aborts; its queues are declared on channels of `apart`. */
  async setup(
    channel: Channel,
    server: ServerInfo,
    parts: { readonly apart: Pick<Session, 'withChannel'>; readonly over: AbortSignal },
  ): Promise<void> {
    await this.#mailbox.setup(channel, server, parts)
  }

  /** Logs why it can't answer requests for now. */
  unavailable(error: Error): void {
    this.#mailbox.unavailable(error)
  }

  /** Announces the worker to monitors, now and whenever its connection is restored. */
  ready(): void {
    this.#parts.events.start(() => this.#beats.online())
  }

  /** Announces that it goes offline. */
  offline(): void {
    this.#beats.offline()
  }
}
