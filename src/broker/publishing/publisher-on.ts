import type { Clock } from '../../runtime/time/clock.ts'
import type { Channel, Connection } from '../broker.ts'
import { KeptChannel } from '../kept-channel.ts'
import { LiveConnection } from '../live-connection.ts'
import type { OwnedPublisher, PublisherOptions } from '../publisher.ts'
import type { Kept, SessionEvent } from '../session.ts'
import { createPublisher, type PublisherSession } from './session-publisher.ts'

/**
 * A publisher over one connection that is there, on channels of its own: what the broker refuses is tried again as over a session.
 * Nothing takes the place of a connection that is lost: what is not confirmed then waits for its `timeout`, or its `signal`.
 */
export function publisherOn(connection: Connection, options: PublisherOptions): OwnedPublisher {
  return createPublisher(new OneConnection(connection, options.clock), options)
}

/** What a publisher needs of a session, for a connection that is not replaced. */
class OneConnection implements PublisherSession {
  readonly connection: Connection
  readonly #clock: Clock
  readonly #live: LiveConnection

  constructor(connection: Connection, clock: Clock) {
    this.connection = connection
    this.#clock = clock
    this.#live = new LiveConnection(connection)
  }

  readonly connected = true

  keep(name: string, setup: (channel: Channel, signal: AbortSignal) => Promise<void>): Kept {
    const making = { open: (connection: Connection) => connection.openChannel(), setup }
    const ignore = () => {}
    const told = { onLost: ignore, onSetupFailed: ignore, onRestored: ignore }
    const kept = new KeptChannel(making, { name, clock: this.#clock, random: Math.random, ...told })
    this.#live.serve(kept)
    return kept
  }

  listen(listener: (event: SessionEvent) => void): () => void {
    return this.connection.onBlocked((reason) =>
      listener(reason === undefined ? { kind: 'unblocked' } : { kind: 'blocked', reason }),
    )
  }
}
