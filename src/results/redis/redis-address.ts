import { TwqError } from '../../errors.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'

/** Where a Redis is and how to log in: a URL by Celery's habits, taken apart. */
export interface RedisAddress {
  /** The server; or the sentinels, which know the server; or the file of a socket. */
  readonly at:
    | { readonly kind: 'server'; readonly host: string; readonly port: number }
    | { readonly kind: 'sentinels'; readonly sentinels: readonly Endpoint[]; readonly master: string }
    | { readonly kind: 'socket'; readonly path: string }
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly sentinelPassword: string | undefined
  /** Undefined: without TLS. */
  readonly tls: RedisTls | undefined
}

/** One server by name or number. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How the server proves who it is, and the client. Files in PEM form. */
export interface RedisTls {
  /** False takes any certificate: `ssl_cert_reqs=none`. */
  readonly verified: boolean
  /** False takes a certificate for another name: `ssl_check_hostname=false`. */
  readonly checksName: boolean
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

const FORM = 'redis://:password@host:6379/0'
const SCHEMES: Readonly<Record<string, Scheme>> = {
  redis: { kind: 'server', tls: false },
  rediss: { kind: 'server', tls: true },
  sentinel: { kind: 'sentinels', tls: false },
  'redis+socket': { kind: 'socket', tls: false },
}

interface Scheme {
  readonly kind: RedisAddress['at']['kind']
  readonly tls: boolean
}

/** Whether a text is meant as the URL of a Redis. */
export function isRedisUrl(text: string): boolean {
  const [, scheme = ''] = /^([a-z+]+):\/\//i.exec(text) ?? []
  return Object.hasOwn(SCHEMES, scheme.toLowerCase())
}

/**
 * Reads the URL of a Redis result backend as Celery writes it: `redis://`, `rediss://` with `ssl_cert_reqs` and the like,
 * `redis+socket:///path?virtual_host=0`, or `sentinel://` with several of them separated by `;`. Throws `TWQ_CONFIG`,
 * without passwords.
 */
export function parseRedisUrl(urls: string): RedisAddress {
  const [first, ...others] = urls.split(BETWEEN_URLS).filter((url) => url.trim() !== '')
  if (first === undefined) throw refusal(urls, 'is empty')
  const parts = takeApart(first.trim(), urls)
  const { query } = parts
  const at = placeOf(parts, others, urls)
  const database = at.kind === 'socket' ? query.get('virtual_host') : parts.path.replace(/^\/|\/$/g, '')
  const unknown = [...query.keys()].find((name) => !KNOWN.has(name))
  if (unknown !== undefined) {
    // An `@` in it says that a password was cut at its `?`: that part is not repeated.
    const named = parts.queryText.includes('@') ? 'a parameter' : `the parameter ${unknown}`
    throw refusal(urls, `has ${named}, which is not known`, `Known are: ${[...KNOWN].join(', ')}`)
  }
  return {
    at,
    user: query.get('username') ?? parts.user,
    password: query.get('password') ?? parts.password,
    database: databaseOf(database, urls),
    sentinelPassword: query.get('sentinel_password') ?? undefined,
    tls: parts.tls ? tlsOf(query, urls) : withoutTls(query, urls),
  }
}

// `;` may also stand inside a password, so only before another scheme does it separate.
const BETWEEN_URLS = /;(?=\s*[a-z+]+:\/\/|\s*$)/i

interface Parts extends Scheme {
  readonly user: string | undefined
  readonly password: string | undefined
  readonly host: string
  readonly port: string
  readonly path: string
  readonly query: URLSearchParams
  readonly queryText: string
}

function takeApart(url: string, urls: string): Parts {
  const found = /^([a-z+]+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/i.exec(url)
  if (found === null) throw refusal(urls, 'is no URL')
  const [, scheme = '', authority = '', path = '', query = '', fragment] = found
  const kind = SCHEMES[scheme.toLowerCase()]
  if (kind === undefined) throw refusal(urls, `has the scheme ${scheme}, which is no Redis`)
  if (fragment !== undefined || path.includes('@')) throw refusal(urls, 'has a special character that is not escaped')
  const decoded = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch {
      throw refusal(urls, 'has a % that is not followed by two hexadecimal digits')
    }
  }
  const at = authority.lastIndexOf('@')
  const login = authority.slice(0, Math.max(at, 0))
  const colon = login.indexOf(':')
  const user = decoded(colon < 0 ? login : login.slice(0, colon))
  const password = colon < 0 ? '' : decoded(login.slice(colon + 1))
  const { host, port } = endpointOf(authority.slice(at + 1))
  return {
    ...kind,
    user: user === '' ? undefined : user,
    password: password === '' ? undefined : password,
    host: host === '' ? 'localhost' : decoded(host),
    port,
    path: decoded(path),
    query: new URLSearchParams(query),
    queryText: query,
  }
}

function endpointOf(text: string): { host: string; port: string } {
  const [, bracketed, host = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text) ?? []
  return { host: bracketed ?? host, port }
}

function placeOf(parts: Parts, others: readonly string[], urls: string): RedisAddress['at'] {
  switch (parts.kind) {
    case 'server':
      if (others.length > 0) throw refusal(urls, 'names several servers', 'Give one, or sentinel:// URLs')
      return { kind: 'server', host: parts.host, port: portOf(parts.port, 6379, urls) }
    case 'socket':
      return { kind: 'socket', path: parts.path }
    case 'sentinels': {
      const sentinels = [parts, ...others.map((url) => takeApart(url.trim(), urls))]
      // Celery keeps the master's name apart from the URL; this is what nearly everybody calls it.
      const master = parts.query.get('master_name') ?? 'mymaster'
      return {
        kind: 'sentinels',
        sentinels: sentinels.map(({ host, port }) => ({ host, port: portOf(port, 26_379, urls) })),
        master,
      }
    }
  }
}

function portOf(text: string, fallback: number, urls: string): number {
  if (text === '') return fallback
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text)
  throw refusal(urls, 'has no usable port', 'A port is a number from 1 to 65535')
}

function databaseOf(text: string | null, urls: string): number {
  if (text === null || text === '') return 0
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw refusal(urls, `names the database ${JSON.stringify(text)}`, 'Redis numbers its databases: /0, /1 and so on')
}

const TLS_PARAMETERS = ['ssl_cert_reqs', 'ssl_check_hostname', 'ssl_ca_certs', 'ssl_certfile', 'ssl_keyfile']
const KNOWN = new Set([
  ...TLS_PARAMETERS,
  ...['virtual_host', 'username', 'password', 'master_name', 'sentinel_password'],
])
const VERIFIED: Readonly<Record<string, boolean>> = { required: true, optional: true, none: false }

/** Which of the options in its URL leave a server unverified, as a sentence; undefined where it is verified, or uses no TLS. */
export function unverifiedTls({ tls }: RedisAddress): string | undefined {
  if (tls === undefined) return undefined
  if (!tls.verified) {
    return 'ssl_cert_reqs=none in the URL of the result backend: anybody between here and Redis can read and change results'
  }
  if (tls.checksName) return undefined
  return 'ssl_check_hostname=false in the URL of the result backend: whoever has a certificate of its CA can pass for that Redis'
}

function tlsOf(query: URLSearchParams, urls: string): RedisTls {
  const requirement = query.get('ssl_cert_reqs') ?? 'required'
  const verified = VERIFIED[requirement.toLowerCase().replace(/^cert_/, '')]
  if (verified === undefined) {
    throw refusal(urls, `has ssl_cert_reqs=${requirement}`, 'It is one of: required, optional, none')
  }
  return {
    verified,
    checksName: !/^(false|no|0)$/i.test(query.get('ssl_check_hostname') ?? ''),
    caFile: query.get('ssl_ca_certs') ?? undefined,
    certFile: query.get('ssl_certfile') ?? undefined,
    keyFile: query.get('ssl_keyfile') ?? undefined,
  }
}

function withoutTls(query: URLSearchParams, urls: string): undefined {
  const given = TLS_PARAMETERS.find((name) => query.has(name))
  if (given === undefined) return undefined
  throw refusal(urls, `has ${given}, but does not use TLS`, 'Write rediss:// for a Redis with TLS')
}

const ESCAPE_HINT = 'Special characters in the password must be escaped: @ is %40, / is %2F, # is %23, % is %25.'

function refusal(urls: string, problem: string, hint?: string): TwqError {
  return new TwqError('TWQ_CONFIG', `the result backend ${redactUrl(urls)} ${problem}`, {
    hint: hint ?? `Give a URL of the form ${FORM}. ${ESCAPE_HINT}`,
  })
}
