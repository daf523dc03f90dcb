import { once } from 'node:events'
import { chmodSync, statSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { messageOf, TwqError } from '../errors.ts'
import type { Address } from '../runtime/address.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Finding, Probe } from './health.ts'
import { claimFolder, existingSockets, newSocketPath, socketFolders } from './local-sockets.ts'
import { SilentConnections } from './silent-connections.ts'

/** The sources of the server's answers. */
export interface HealthSource {
  readonly node: string
  /** The failing checks of a probe; empty if it passes. */
  judge(probe: Probe): readonly Finding[]
  /** What is wrong, and no reason for `/readyz` to fail. */
  warnings?(): readonly Finding[]
  /** The body of `/info`: plain JSON. */
  info(): Readonly<Record<string, unknown>>
  /** The text for Prometheus; undefined if metrics are disabled. */
  metrics(): Promise<MetricsText | undefined>
}

/** Metrics as they are served. */
export interface MetricsText {
  readonly contentType: string
  readonly text: string
}

const PROBES: Readonly<Record<string, Probe>> = { '/livez': 'live', '/readyz': 'ready', '/startupz': 'started' }
const PLAIN = 'text/plain; charset=utf-8'

// A probe takes a hundred bytes and a millisecond; a client that needs more is not a probe.
const MOST_CONNECTIONS = 64
const LONGEST_HEADERS = 8_192
const REQUEST_TIMEOUT = 5_000
const IDLE_TIMEOUT = 5_000
// How often Node checks for slow requests: its default is half a minute.
const CHECK_EVERY = 1_000
// A starting worker refuses connections between binding a socket and listening on it, so only older sockets are leftovers.
const STALE_AFTER = 10_000

/** Answers probes and Prometheus over HTTP, read-only. */
export class HealthServer implements AsyncDisposable {
  readonly #source: HealthSource
  readonly #logger: EventLogger
  readonly #servers: Server[] = []
  #over = false

  constructor(source: HealthSource, logger: EventLogger) {
    this.#source = source
    this.#logger = logger
  }

  /**
   * Listens on the address for network probes, on any free port for port 0; resolves with the port. Rejects with
   * `TWQ_HEALTH_ADDRESS`.
   */
  async listen({ host, port }: Address): Promise<number> {
    const server = this.#server()
    try {
      server.listen({ host, port, exclusive: true })
      await once(server, 'listening')
    } catch (cause) {
      throw new TwqError('TWQ_HEALTH_ADDRESS', `can't listen on ${host}:${port}: ${messageOf(cause)}`, {
        cause,
        hint: 'Give --health another address, or free this one.',
      })
    }
    const bound = (server.address() as AddressInfo).port
    this.#keep(server)
    this.#logger.info({ event: 'health.listening', host, port: bound }, 'answering probes')
    return bound
  }

  /** Listens for `twq worker health`; resolves with the path. If no folder is usable, the worker runs without it. */
  async listenLocally(folders: readonly string[] = socketFolders()): Promise<string | undefined> {
    const reasons: string[] = []
    for (const folder of folders) {
      try {
        return await this.#listenIn(folder)
      } catch (error) {
        reasons.push(messageOf(error))
      }
    }
    this.#logger.warn(
      { event: 'health.no-socket', reasons },
      'no local socket: `twq worker health` finds this worker only by the address of --health',
    )
    return undefined
  }

  /** Stops accepting connections, and closes the open ones. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true
    for (const server of this.#servers.splice(0)) {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }

  async #listenIn(folder: string): Promise<string> {
    claimFolder(folder)
    const { node } = this.#source
    await Promise.all(existingSockets(folder).map(removeIfStale))
    const path = newSocketPath(folder, node)
    if (path === undefined) throw new Error(`the path of ${folder} is too long for a socket`)
    const server = this.#server()
    server.listen({ path, exclusive: true })
    await once(server, 'listening')
    chmodSync(path, 0o600)
    this.#keep(server)
    this.#logger.debug({ event: 'health.listening', path }, 'answering probes')
    return path
  }

  /** From here on an error, such as too many open files, must not end the worker. */
  #keep(server: Server): void {
    server.on('error', (error) =>
      this.#logger.warn({ event: 'health.failed', error: messageOf(error) }, 'a probe could not be answered'),
    )
    if (this.#over) server.close()
    else this.#servers.push(server)
  }

  #server(): Server {
    const limits = {
      maxHeaderSize: LONGEST_HEADERS,
      requestTimeout: REQUEST_TIMEOUT,
      headersTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: IDLE_TIMEOUT,
      connectionsCheckingInterval: CHECK_EVERY,
    }
    const silent = new SilentConnections(MOST_CONNECTIONS)
    const server = createServer(limits, (request, response) => {
      silent.spoke(request.socket)
      void this.#answer(request, response)
    })
    server.on('connection', (socket) => silent.add(socket))
    // A stopped worker exits even if a probe is connected.
    server.unref()
    return server
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, contentType, text } = await this.#reply(request)
      response.writeHead(status, {
        'content-type': contentType,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        // The rest of a refused request is not read.
        ...(status >= 400 && status < 500 && { connection: 'close' }),
      })
      response.end(request.method === 'HEAD' ? undefined : text)
    } catch (error) {
      this.#logger.error({ event: 'health.failed', error: messageOf(error) }, 'a probe could not be answered')
      response.destroy()
    }
  }

  async #reply({ method, headers, url = '' }: IncomingMessage): Promise<MetricsText & { readonly status: number }> {
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD are answered here\n')
    if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
      return plain(413, 'no body is taken here\n')
    }
    const [path = ''] = url.split('?')
    const probe = Object.hasOwn(PROBES, path) ? PROBES[path] : undefined
    if (probe !== undefined) {
      const failing = this.#source.judge(probe)
      const passes = failing.length === 0
      const warnings = (probe === 'ready' && this.#source.warnings?.()) || []
      const answer = { [probe]: passes, node: this.#source.node, pid: process.pid, failing }
      return json(passes ? 200 : 503, warnings.length > 0 ? { ...answer, warnings } : answer)
    }
    if (path === '/info') return json(200, this.#source.info())
    if (path === '/metrics') {
      const metrics = await this.#source.metrics()
      return metrics === undefined
        ? plain(404, 'nothing is counted: start the worker with --health\n')
        : { status: 200, ...metrics }
    }
    return plain(404, 'here are /livez, /readyz, /startupz, /info and /metrics\n')
  }
}

function plain(status: number, text: string): MetricsText & { status: number } {
  return { status, contentType: PLAIN, text }
}

function json(status: number, document: object): MetricsText & { status: number } {
  return { status, contentType: 'application/json', text: `${JSON.stringify(document)}\n` }
}

/** Removes the socket of a killed worker. Its name is never used again, so it can't belong to another worker. */
async function removeIfStale(path: string): Promise<void> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return
    try {
      if (Date.now() - statSync(path).mtimeMs > STALE_AFTER) unlinkSync(path)
    } catch {
      // Another worker removed it first.
    }
  } finally {
    socket.destroy()
  }
}
