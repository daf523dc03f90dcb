import type { Connection } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import { TwqError } from '../../errors.ts'
import { queueStatus } from '../../queues/queue-access.ts'

/**
 * Goes through queues over the monitor's connection one after the other: two sweeps at once would hide messages from each other.
 */
export class Sweeps {
  readonly #session: Session
  #last: Promise<unknown> = Promise.resolve()

  constructor(session: Session) {
    this.#session = session
  }

  /**
   * Runs an action on the queue `name` with its number of ready messages; undefined if there is no such queue. Rejects if the
   * broker can't be reached, or accepts no messages.
   */
  in<T>(name: string, work: (connection: Connection, ready: number) => Promise<T>): Promise<T | undefined> {
    const sweep = this.#last.then(async () => {
      const connection = this.#connection()
      const status = await queueStatus(connection, name)
      return status === undefined ? undefined : await work(connection, status.messages)
    })
    this.#last = sweep.catch(() => {})
    return sweep
  }

  #connection(): Connection {
    const { connection } = this.#session
    if (connection === undefined) throw new TwqError('TWQ_BROKER_UNREACHABLE', 'there is no connection to the broker')
    if (connection.blocked === undefined) return connection
    throw new TwqError('TWQ_BROKER_BLOCKED', `the broker takes no messages: ${connection.blocked}`)
  }
}
