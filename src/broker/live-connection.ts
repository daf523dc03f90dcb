import { sharedAbort } from '../runtime/time/shared-abort.ts'
import type { Channel, Connection } from './broker.ts'
import type { KeptChannel } from './kept-channel.ts'

/** A kept channel of any type. */
export type Serving = Pick<KeptChannel<Channel>, 'ended' | 'end' | 'serve'>

/** One connection, and the kept channels on it. */
export class LiveConnection {
  readonly connection: Connection
  readonly #gone = sharedAbort()
  readonly #serving: Promise<void>[] = []

  constructor(connection: Connection) {
    this.connection = connection
  }

  serve(kept: Serving): void {
    this.#serving.push(kept.serve(this.connection, this.#gone.signal))
  }

  /** The connection is over: resolves when nothing on it is under way any more. */
  async end(): Promise<void> {
    this.#gone.abort()
    await Promise.all(this.#serving)
  }
}
