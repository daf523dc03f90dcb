import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { messageOf, TwqError } from '../errors.ts'
import type { Address } from '../runtime/address.ts'
import type { Monitor } from './create-monitor.ts'

/** A listening monitor. */
export interface ServedMonitor extends AsyncDisposable {
  /** The actual address: with the assigned port if 0 was requested. */
  readonly address: Address
}

// Milliseconds that a client may take for its headers, for its request, and without any read or write.
const HEADERS = 10_000
const REQUEST = 30_000
const SILENCE = 90_000
const MOST_CONNECTIONS = 1_500
const LARGEST_HEADERS = 16 * 1024

/** Answers requests at `address`. Rejects with `TWQ_MONITOR_ADDRESS` if it can't listen there. */
export async function serveMonitor(monitor: Monitor, { host, port }: Address): Promise<ServedMonitor> {
  const server = createServer(
    { maxHeaderSize: LARGEST_HEADERS, headersTimeout: HEADERS, requestTimeout: REQUEST },
    monitor.node,
  )
  server.maxConnections = MOST_CONNECTIONS
  server.setTimeout(SILENCE)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new TwqError('TWQ_MONITOR_ADDRESS', `${host}:${port} can't be listened on: ${messageOf(error)}`, {
      cause: error,
      hint: 'Take another address: --listen 127.0.0.1:5556, or :0 for a port that is free',
    })
  }
  const bound = server.address()
  const address = { host, port: typeof bound === 'object' && bound !== null ? bound.port : port }
  return { address, [Symbol.asyncDispose]: () => closed(server) }
}

async function closed(server: Server): Promise<void> {
  const over = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await over
}
