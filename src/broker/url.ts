import { TwqError } from '../errors.ts'
import { redactUrl } from '../runtime/text/redact-url.ts'
import { nameOfParameter, readServerUrl, splitUrls } from '../runtime/text/server-url.ts'

/** Where a broker is and how to log in: one URL, taken apart and completed with Celery's defaults. */
export interface BrokerAddress {
  readonly tls: boolean
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly vhost: string
  /** Milliseconds, from `?heartbeat=` (seconds). */
  readonly heartbeat?: number
  /** Milliseconds, from `?connection_timeout=` (milliseconds, as RabbitMQ's URI specification has it). */
  readonly connectTimeout?: number
  /** Files in PEM form, from `?cacertfile=`, `?certfile=`, `?keyfile=` or Celery's `ssl_ca_certs` and so on. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

const SCHEMES: Readonly<Record<string, { readonly tls: boolean }>> = {
  amqp: { tls: false },
  pyamqp: { tls: false },
  librabbitmq: { tls: false },
  amqps: { tls: true },
}
const FORM = 'amqp://user:password@host:5672/vhost'

/**
 * Reads a broker URL with Celery's habits: no path and `//` are the vhost `/`, `%2F` too, `/name` is `name`; a missing
 * user or password is `guest`; several URLs separated by `;` are alternatives. Throws `TWQ_CONFIG`, without passwords.
 */
export function parseBrokerUrl(urls: string): readonly [BrokerAddress, ...BrokerAddress[]] {
  const [first, ...others] = splitUrls(urls)
  if (first === undefined)
    throw new TwqError('TWQ_CONFIG', 'the broker URL is empty', { hint: `Give one of the form ${FORM}` })
  return [parseOne(first), ...others.map(parseOne)]
}

function parseOne(url: string): BrokerAddress {
  const refuse = (problem: string, hint = `Give a URL of the form ${FORM}`): TwqError =>
    new TwqError('TWQ_CONFIG', `the broker URL ${redactUrl(url)} ${problem}`, { hint })

  const { kind, user, password, host, port, path, query } = readServerUrl(url, {
    schemes: SCHEMES,
    server: 'AMQP broker',
    begin: 'amqp:// or amqps://',
    refuse,
  })
  return {
    tls: kind.tls,
    host: host || 'localhost',
    port: port ?? (kind.tls ? 5671 : 5672),
    user: user || 'guest',
    password: password || 'guest',
    vhost: path.slice(1) || '/',
    ...readQuery(query, refuse),
  }
}

type Setting = 'heartbeat' | 'connectTimeout' | 'caFile' | 'certFile' | 'keyFile'

const PARAMETERS: Readonly<Record<string, Setting>> = {
  heartbeat: 'heartbeat',
  connection_timeout: 'connectTimeout',
  cacertfile: 'caFile',
  ssl_ca_certs: 'caFile',
  certfile: 'certFile',
  ssl_certfile: 'certFile',
  keyfile: 'keyFile',
  ssl_keyfile: 'keyFile',
}
/** Meaningful to other clients and harmless to leave out. */
const IGNORED = new Set(['channel_max', 'frame_max', 'locale', 'server_name_indication', 'auth_mechanism'])
/** Parameters of other clients that ask for the check of the server's certificate, which is always made here. */
const ALWAYS_ON: Readonly<Record<string, readonly string[]>> = {
  verify: ['verify_peer'],
  ssl_cert_reqs: ['required', 'cert_required'],
}

function readQuery(query: string, refuse: (problem: string, hint?: string) => TwqError): Partial<BrokerAddress> {
  const settings: Record<string, string | number> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    const setting = PARAMETERS[name]
    if (setting === 'heartbeat' || setting === 'connectTimeout') {
      if (!/^\d+$/.test(value)) throw refuse(`has ${name}=${value}, which is no whole number`)
      settings[setting] = Number(value) * (setting === 'heartbeat' ? 1_000 : 1)
    } else if (setting !== undefined) {
      settings[setting] = value
    } else if (ALWAYS_ON[name] !== undefined) {
      if (!ALWAYS_ON[name].includes(value.toLowerCase())) {
        throw refuse(
          `has ${name}=${value}, but the broker's certificate is always verified`,
          'Give the CA with ?cacertfile=/path/to/ca.pem',
        )
      }
    } else if (!IGNORED.has(name)) {
      throw refuse(
        `has ${nameOfParameter(query, name)}, which is not known`,
        `Known are: ${Object.keys(PARAMETERS).join(', ')}`,
      )
    }
  }
  return settings
}

/** The address for people: no user, no password. */
export function describeAddress(address: BrokerAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
