import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

type Direction = 'to-server' | 'to-client'

/** A TCP proxy in front of a server, which breaks in the ways networks do. Faults act on open and on new connections. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  readonly #pairs = new Set<Pair>()
  /** Those of pairs whose client has gone while nothing passed, too: nobody told them. */
  readonly #upstream = new Set<Socket>()
  #latency = 0
  #silent = false
  #refusing = false
  #cut: { readonly direction: Direction; left: number } | undefined
  /** Connections accepted so far. */
  accepted = 0

  private constructor(target: { host: string; port: number }) {
    this.#target = target
    this.#server = createServer((client) => this.#accept(client))
  }

  /** Starts a proxy on a free local port in front of what `url` names. */
  static async before(url: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(url)
    const proxy = new FaultProxy({ host: hostname, port: Number(port || 5672) })
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** `url`, through the proxy. */
  through(url: string): string {
    const through = new URL(url)
    through.hostname = '127.0.0.1'
    through.port = String(this.port)
    return through.href
  }

  /** Delays what passes, in both directions, by `ms`. */
  latency(ms: number): void {
    this.#latency = ms
  }

  /** Nothing passes any more, and nobody is told: the connections stay open. */
  blackhole(): void {
    this.#silent = true
    for (const pair of this.#pairs) pair.hold()
  }

  /** Lets everything pass again, including what was held. */
  heal(): void {
    this.#silent = false
    this.#refusing = false
    this.#latency = 0
    for (const pair of this.#pairs) pair.release()
  }

  /** Resets every connection, on both sides. */
  reset(): void {
    for (const pair of this.#pairs) pair.reset()
  }

  /** The server loses its side; the client is not told, and what it sends vanishes. */
  halfOpen(): void {
    for (const pair of this.#pairs) pair.loseServer()
  }

  /** Resets the connection on which `bytes` more bytes have passed in `direction`; new connections count too. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cut = { direction, left: bytes }
  }

  /** Resets new connections at once. */
  refuse(): void {
    this.#refusing = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset()
    for (const socket of this.#upstream) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    this.accepted += 1
    if (this.#refusing) {
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#target)
    const pair = new Pair(client, server)
    this.#pairs.add(pair)
    this.#upstream.add(server)
    server.on('close', () => this.#upstream.delete(server))
    if (this.#silent) pair.hold()
    for (const socket of [client, server]) socket.on('error', () => pair.reset())
    client.on('close', () => this.#pairs.delete(pair))
    client.on('data', (chunk) => this.#pass(pair, 'to-server', chunk))
    server.on('data', (chunk) => this.#pass(pair, 'to-client', chunk))
    client.on('end', () => pair.later(this.#latency, () => server.end()))
    server.on('end', () => pair.later(this.#latency, () => pair.endClient()))
  }

  #pass(pair: Pair, direction: Direction, chunk: Buffer): void {
    const to = direction === 'to-server' ? pair.server : pair.client
    const cut = this.#cut
    if (cut?.direction === direction) {
      if (chunk.length >= cut.left) {
        this.#cut = undefined
        to.write(chunk.subarray(0, cut.left), () => pair.reset())
        return
      }
      cut.left -= chunk.length
    }
    pair.later(this.#latency, () => to.write(chunk))
  }
}

/** The two halves of one proxied connection. */
class Pair {
  readonly client: Socket
  readonly server: Socket
  #serverLost = false

  constructor(client: Socket, server: Socket) {
    this.client = client
    this.server = server
    client.setNoDelay(true)
    server.setNoDelay(true)
  }

  later(ms: number, act: () => void): void {
    // Equal delays keep the order.
    if (ms === 0) act()
    else setTimeout(act, ms)
  }

  hold(): void {
    this.client.pause()
    this.server.pause()
  }

  release(): void {
    this.client.resume()
    this.server.resume()
  }

  reset(): void {
    this.client.resetAndDestroy()
    this.server.resetAndDestroy()
  }

  loseServer(): void {
    this.#serverLost = true
    this.server.destroy()
  }

  endClient(): void {
    if (!this.#serverLost) this.client.end()
  }
}
