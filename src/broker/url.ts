import { TwqError } from '../errors.ts'
import { redactUrl } from '../runtime/text/redact-url.ts'

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
  const [first, ...others] = urls
    .split(BETWEEN_URLS)
    .map((url) => url.trim())
    .filter((url) => url !== '')
  if (first === undefined)
    throw new TwqError('TWQ_CONFIG', 'the broker URL is empty', { hint: `Give one of the form ${FORM}` })
  return [parseOne(first), ...others.map(parseOne)]
}

function parseOne(url: string): BrokerAddress {
  const refuse = (problem: string, hint = `Give a URL of the form ${FORM}`): TwqError =>
    new TwqError('TWQ_CONFIG', `the broker URL ${redactUrl(url)} ${problem}`, { hint })

  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is.exec(url)
  if (parts === null) throw refuse('does not begin with amqp:// or amqps://')
  const [, scheme = '', authority = '', path = '', query = '', fragment] = parts
  const kind = SCHEMES[scheme.toLowerCase()]
  if (kind === undefined) throw refuse(`has the scheme ${scheme}, which is no AMQP broker`)
  if (fragment !== undefined || path.includes('@')) {
    throw refuse('has a special character that is not escaped', ESCAPE_HINT)
  }

  const at = authority.lastIndexOf('@')
  if (`${authority.slice(at + 1)}${path}`.includes(';')) {
    throw refuse(
      'has a ; in its host or vhost',
      'Alternatives are whole URLs: amqp://a//;amqp://b//. In a vhost ; is %3B.',
    )
  }
  const [user, password] = splitOnce(authority.slice(0, Math.max(at, 0)), ':')
  const { host, port } = splitHost(authority.slice(at + 1))
  if (port !== '' && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw refuse('has no usable port', `${ESCAPE_HINT} A port is a number from 1 to 65535.`)
  }
  const decoded = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch {
      throw refuse('has a % that is not followed by two hexadecimal digits', ESCAPE_HINT)
    }
  }
  return {
    tls: kind.tls,
    host: host === '' ? 'localhost' : decoded(host),
    port: port === '' ? (kind.tls ? 5671 : 5672) : Number(port),
    user: decoded(user) || 'guest',
    password: decoded(password) || 'guest',
    vhost: decoded(path.slice(1)) || '/',
    ...readQuery(query, refuse),
  }
}

const ESCAPE_HINT =
  'Special characters in the user, the password or the vhost must be escaped: @ is %40, / is %2F, # is %23, % is %25.'

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function splitHost(text: string): { host: string; port: string } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] ?? '' }
  const [host, port] = splitOnce(text, ':')
  return { host, port }
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
/** What other clients call "check the server's certificate", which we always do. */
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
      // An `@` in it says that a password was cut at its `?`: that part is not repeated.
      const named = query.includes('@') ? 'a parameter' : `the parameter ${name}`
      throw refuse(`has ${named}, which is not known`, `Known are: ${Object.keys(PARAMETERS).join(', ')}`)
    }
  }
  return settings
}

/** The address for people: no user, no password. */
export function describeAddress(address: BrokerAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

// `;` also may stand inside a password, so only before another scheme does it separate.
const BETWEEN_URLS = /;(?=\s*[a-z][a-z0-9+.-]*:\/\/|\s*$)/i
