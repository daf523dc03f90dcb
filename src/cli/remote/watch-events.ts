import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { createSession, type Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { type EventOptions, type EventStream, receiveEvents } from '../../events/receiver.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'

/** A session on the configured broker with a stream of events on it; both end when it is disposed of. */
export interface Watch extends AsyncDisposable {
  readonly session: Session
  readonly stream: EventStream
  readonly config: Config
}

const CLOSE_TIMEOUT = 2_000

/**
 * Listens to the events of the broker's workers. Rejects if the broker can't be reached at first; later it
 * reconnects. `onNews` is called when the connection changes.
 */
export async function openWatch(
  command: string,
  flags: GlobalOptions,
  options: EventOptions & { readonly onNews: (text: string) => void },
): Promise<Watch> {
  const { config } = await loadConfig(command, flags)
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: `twq ${command}` })
  const session = createSession({
    broker,
    name: command,
    clock: systemClock,
    random: Math.random,
    giveUpAfter: 0,
    ...(options.signal && { signal: options.signal }),
  })
  const { onNews } = options
  session.listen((event) => {
    if (event.kind === 'lost') onNews(`the broker is lost: ${event.error.message}; events are missed until it is back`)
    else if (event.kind === 'connected' && event.downtimeMs > 0) onNews('the broker is back')
    else if (event.kind === 'failed') onNews(`there will be no more events: ${event.error.message}`)
    else if (event.kind === 'setup-failed') onNews(`the broker refuses: ${event.error.message}`)
    else if (event.kind === 'channel-restored') onNews('events arrive again')
  })
  const stream = receiveEvents({ session, clock: systemClock }, options)
  const close = async (): Promise<void> => {
    await stream[Symbol.asyncDispose]()
    await session.stop({ deadline: AbortSignal.timeout(CLOSE_TIMEOUT) })
  }
  try {
    await session.start()
    await stream.ready
  } catch (error) {
    await close()
    options.signal?.throwIfAborted()
    throw error
  }
  return { session, stream, config, [Symbol.asyncDispose]: close }
}
