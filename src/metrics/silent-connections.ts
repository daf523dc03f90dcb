import type { Socket } from 'node:net'

/**
 * Limits the number of a server's connections. At the limit, the connection that has been silent longest is closed, not the new
 * one: connections without requests can't keep a probe out.
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
      // Synchronously: other connections of this turn must find it gone.
      if (oldest !== undefined) this.#sockets.delete(oldest)
      oldest?.destroy()
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** A whole request arrived over it: it is now the last to be closed. */
  spoke(socket: Socket): void {
    if (this.#sockets.delete(socket)) this.#sockets.add(socket)
  }
}
