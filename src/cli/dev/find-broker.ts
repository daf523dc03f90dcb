import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { type BrokerAddress, parseBrokerUrl } from '../../broker/url.ts'
import { options } from '../../config/options.ts'
import type { ResolvedConfig } from '../../config/resolve-config.ts'
import { type DevBroker, startDevBroker } from '../../devbroker/server.ts'
import { messageOf, TwqError } from '../../errors.ts'
import type { Logger } from '../../runtime/logger.ts'

/** The broker to develop with. Disposing of it stops the embedded one, and leaves any other alone. */
export interface FoundBroker extends AsyncDisposable {
  readonly url: string
  /** Why the embedded broker is used; undefined where another one is. */
  readonly embedded: string | undefined
  /** Whether other commands in this folder find it without being told. */
  readonly found: boolean
}

// Whoever is there answers sooner, and a person waits.
const PATIENCE = 2_000

/**
 * The configured broker if it answers, else the embedded one, at the configured address where that is this machine's and
 * free. A broker that was named on the command line or in the environment is meant: rejects when it does not answer.
 */
export async function findBroker({ config, origins }: ResolvedConfig, logger: Logger): Promise<FoundBroker> {
  const named = isNamed(origins.get('broker'))
  const url = config.broker
  try {
    const connection = await amqpBroker({ url, heartbeat: 0, connectTimeout: PATIENCE, name: 'twq dev' }).connect()
    await connection[Symbol.asyncDispose]()
    return { url, embedded: undefined, found: !named, [Symbol.asyncDispose]: async () => {} }
  } catch (error) {
    if (named) throw unanswered(error)
    return await embed(url, error, logger)
  }
}

function isNamed(origin: string | undefined): boolean {
  const { flag, env, celeryEnv = [] } = options.broker
  return [flag?.long, env, ...celeryEnv.map(({ name }) => name)].includes(origin)
}

function unanswered(error: unknown): unknown {
  if (!TwqError.is(error)) return error
  const origin = 'Name no broker (--broker, TWQ_BROKER, CELERY_BROKER_URL) to use the one that is built in.'
  return new TwqError(error.code, error.message, {
    cause: error.cause,
    hint: error.hint === undefined ? origin : `${error.hint}\n${origin}`,
  })
}

async function embed(url: string, error: unknown, logger: Logger): Promise<FoundBroker> {
  const address = ownAddress(url)
  const reason = messageOf(error)
  if (address !== undefined) {
    const { port, user, password } = address
    const broker = await startDevBroker({ port, users: { [user]: password }, logger }).catch(() => undefined)
    if (broker !== undefined) return foundBroker(broker, { url, embedded: reason, found: true })
  }
  const standard = await startDevBroker({ port: 5672, logger }).catch(() => undefined)
  const broker = standard ?? (await startDevBroker({ logger }))
  return foundBroker(broker, { url: broker.url, embedded: reason, found: false })
}

function foundBroker(broker: DevBroker, facts: Pick<FoundBroker, 'url' | 'embedded' | 'found'>): FoundBroker {
  return { ...facts, [Symbol.asyncDispose]: () => broker.stop() }
}

/** The address in a URL, if it is one that the embedded broker can have. */
function ownAddress(url: string): BrokerAddress | undefined {
  const [address, ...others] = parseBrokerUrl(url)
  const own = others.length === 0 && !address.tls && ['localhost', '127.0.0.1'].includes(address.host)
  return own ? address : undefined
}
