import { createHash } from 'node:crypto'
import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { type BrokerAddress, describeAddress, parseBrokerUrl } from '../../broker/url.ts'
import { options } from '../../config/options.ts'
import type { ResolvedConfig } from '../../config/resolve-config.ts'
import { type DevBroker, startDevBroker } from '../../devbroker/server.ts'
import { messageOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'

/** The broker to develop with. Disposing of it stops the embedded one, and leaves any other alone. */
export interface FoundBroker extends AsyncDisposable {
  readonly url: string
  /** Why the embedded broker is used; undefined where another one is. */
  readonly embedded: string | undefined
  /** A remark about it. */
  readonly remark?: string | undefined
  /** Whether other commands in this folder find it without being told. */
  readonly found: boolean
}

// Short, because a person waits; a broker on this machine answers sooner.
const PATIENCE = 2_000
// Ports for the brokers of further projects, beside RabbitMQ's own.
const FIRST_PORT = 5_700
const PORTS = 900

/**
 * The configured broker if it answers, else the embedded one, at the configured address where that is this machine's and
 * free. A broker that was named on the command line or in the environment is meant: rejects when it does not answer.
 */
export async function findBroker({ config, origins }: ResolvedConfig, logger: EventLogger): Promise<FoundBroker> {
  const named = isNamed(origins.get('broker'))
  const { broker: url, baseDir } = config
  let builtInFor: string | undefined
  try {
    const connection = await amqpBroker({ url, heartbeat: 0, connectTimeout: PATIENCE, name: 'twq dev' }).connect()
    builtInFor = connection.server.builtInFor
    await connection[Symbol.asyncDispose]()
  } catch (error) {
    if (named) throw unanswered(error)
    return await embed(url, messageOf(error), baseDir, logger)
  }
  // The two projects would run each other's tasks, and this one would lose its broker with the other.
  if (!named && builtInFor && builtInFor !== baseDir) return await besideAnother(url, builtInFor, baseDir, logger)
  return {
    url,
    embedded: undefined,
    remark: remarkOn(builtInFor),
    found: !named,
    [Symbol.asyncDispose]: async () => {},
  }
}

function remarkOn(builtInFor: string | undefined): string | undefined {
  if (builtInFor === undefined) return undefined
  return builtInFor === ''
    ? 'built in, run by twq broker: not for production'
    : `built in, run by another twq dev in ${builtInFor}: its workers take tasks from the same queues, and it ends with that`
}

/** A broker of this project's own, at a port that it finds again. */
async function besideAnother(url: string, other: string, project: string, logger: EventLogger): Promise<FoundBroker> {
  const [address] = parseBrokerUrl(url)
  const own = FIRST_PORT + (createHash('sha256').update(project).digest().readUInt16BE(0) % PORTS)
  const broker =
    (await startDevBroker({ port: own, project, logger }).catch(() => undefined)) ??
    (await startDevBroker({ project, logger }))
  const embedded = `${describeAddress(address)} is the built-in broker of twq dev in ${other}`
  return foundBroker(broker, { url: broker.url, embedded, found: false })
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

async function embed(url: string, reason: string, project: string, logger: EventLogger): Promise<FoundBroker> {
  const address = ownAddress(url)
  if (address !== undefined) {
    const { port, user, password } = address
    const broker = await startDevBroker({ port, users: { [user]: password }, project, logger }).catch(() => undefined)
    if (broker !== undefined) return foundBroker(broker, { url, embedded: reason, found: true })
  }
  const standard = await startDevBroker({ port: 5672, project, logger }).catch(() => undefined)
  const broker = standard ?? (await startDevBroker({ project, logger }))
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
