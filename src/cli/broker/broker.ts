import { once } from 'node:events'
import { startDevBroker } from '../../devbroker/server.ts'
import { TwqError } from '../../errors.ts'
import { createLogger } from '../../runtime/log/logger.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { print } from '../terminal/output.ts'

/** The flags of `twq broker`. */
export interface BrokerFlags extends GlobalOptions {
  readonly port: string
  readonly host: string
}

/** `twq broker`: the embedded broker in the foreground, until a signal ends it; its URL goes to standard output. */
export async function runBroker(flags: BrokerFlags): Promise<number> {
  const port = portOf(flags.port)
  const { host } = flags
  const logger = createLogger({ level: flags.verbose ? 'info' : 'warn', format: 'pretty' })
  const stop = new AbortController()
  const signals = ['SIGINT', 'SIGTERM'].map((signal) => once(process, signal, { signal: stop.signal }))
  try {
    await using broker = await startDevBroker({ port, host, logger }).catch((error: unknown) => {
      throw portTaken(error, host, port)
    })
    print(`${broker.url}\n`)
    await Promise.race(signals)
  } finally {
    for (const signal of signals) signal.catch(() => {})
    stop.abort()
  }
  return EXIT.ok
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new TwqError('TWQ_USAGE', `--port must be a number from 0 to 65535, got ${JSON.stringify(text)}`, {
    hint: '0 takes one that is free.',
  })
}

function portTaken(error: unknown, host: string, port: number): unknown {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
  if (!TwqError.is(error) || code !== 'EADDRINUSE') return error
  return new TwqError('TWQ_BROKER_UNREACHABLE', `port ${port} of ${host} is taken`, {
    cause: error.cause,
    hint: `Is a RabbitMQ running there? It does all that this broker does: use it. Or take another port: twq broker --port ${port === 65_535 ? port - 1 : port + 1}`,
  })
}
