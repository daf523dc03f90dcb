import type { Socket } from 'node:net'

/**
 * Keeps the number of a server's connections below a bound. When it is reached the connection that has been silent
 * longest is closed, not the new one: connections that ask for nothing can't keep a probe out.
 */
export class SilentConnections {
  readonly #most: number
  /** Longest silent first. */
  readonly #sockets = new Set<Socket>()

  constructor(most: number) {
    this.#most = most
  }

  /** A connection was opened. */
  add(socket: Socket): void {
    if (this.#sockets.size >= this.#most) {
      const [oldest] = this.#sockets
      // At once: what else arrives in this turn must find it gone.
      if (oldest !== undefined) this.#sockets.delete(oldest)
      oldest?.destroy()
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** A whole request has come over it: it is the last to go now. */
  spoke(socket: Socket): void {
    if (this.#sockets.delete(socket)) this.#sockets.add(socket)
  }
}
