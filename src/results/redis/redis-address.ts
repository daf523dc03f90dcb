import { TwqError } from '../../errors.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import {
  ESCAPE_HINT,
  nameOfParameter,
  readServerUrl,
  type ServerUrl,
  splitUrls,
} from '../../runtime/text/server-url.ts'

/** The address of a Redis and its login: a URL in Celery's format, parsed. */
export interface RedisAddress {
  /** The server; or the sentinels, which know the server; or the path of a socket. */
  readonly at:
    | { readonly kind: 'server'; readonly host: string; readonly port: number }
    | { readonly kind: 'sentinels'; readonly sentinels: readonly Endpoint[]; readonly master: string }
    | { readonly kind: 'socket'; readonly path: string }
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly sentinelPassword: string | undefined
  /** Undefined for no TLS. */
  readonly tls: RedisTls | undefined
}

/** One server by name or IP address. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How server and client are authenticated. Files in PEM format. */
export interface RedisTls {
  /** False accepts any certificate: `ssl_cert_reqs=none`. */
  readonly verified: boolean
  /** False accepts a certificate for another name: `ssl_check_hostname=false`. */
  readonly checksName: boolean
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

const LOCALHOST = 'localhost'
const FORM = 'redis://:password@host:6379/0'
const SCHEMES: Readonly<Record<string, Scheme>> = {
  redis: { at: 'server', tls: false },
  rediss: { at: 'server', tls: true },
  sentinel: { at: 'sentinels', tls: false },
  'redis+socket': { at: 'socket', tls: false },
}

interface Scheme {
  readonly at: RedisAddress['at']['kind']
  readonly tls: boolean
}

/** Whether a text is meant as the URL of a Redis. */
export function isRedisUrl(text: string): boolean {
  const [, scheme = ''] = /^([a-z+]+):\/\//i.exec(text) ?? []
  return Object.hasOwn(SCHEMES, scheme.toLowerCase())
}

/**
 * Parses the URL of a Redis result backend as Celery writes it: `redis://`, `rediss://` with `ssl_cert_reqs` and so on,
 * `redis+socket:///path?virtual_host=0`, or several `sentinel://` separated by `;`. Throws `TWQ_CONFIG`, without passwords.
 */
export function parseRedisUrl(urls: string): RedisAddress {
  const [first, ...others] = splitUrls(urls)
  if (first === undefined) throw refusal(urls, 'is empty')
  const parts = takeApart(first, urls)
  const query = new URLSearchParams(parts.query)
  const at = placeOf(parts, others, urls)
  const database = at.kind === 'socket' ? query.get('virtual_host') : parts.path.replace(/^\/|\/$/g, '')
  const unknown = [...query.keys()].find((name) => !KNOWN.has(name))
  if (unknown !== undefined) {
    throw refusal(
      urls,
      `has ${nameOfParameter(parts.query, unknown)}, which is not known`,
      `Known are: ${[...KNOWN].join(', ')}`,
    )
  }
  return {
    at,
    user: query.get('username') ?? (parts.user || undefined),
    password: query.get('password') ?? (parts.password || undefined),
    database: databaseOf(database, urls),
    sentinelPassword: query.get('sentinel_password') ?? undefined,
    tls: parts.kind.tls ? tlsOf(query, urls) : withoutTls(query, urls),
  }
}

function takeApart(url: string, urls: string): ServerUrl<Scheme> {
  const refuse = (problem: string, hint?: string): TwqError => refusal(urls, problem, hint)
  return readServerUrl(url, { schemes: SCHEMES, server: 'Redis', begin: 'redis:// or rediss://', refuse })
}

function placeOf(parts: ServerUrl<Scheme>, others: readonly string[], urls: string): RedisAddress['at'] {
  const { host, port } = parts
  switch (parts.kind.at) {
    case 'server':
      if (others.length > 0) throw refusal(urls, 'names several servers', 'Give one, or sentinel:// URLs')
      return { kind: 'server', host: host || LOCALHOST, port: port ?? 6379 }
    case 'socket':
      return { kind: 'socket', path: parts.path }
    case 'sentinels': {
      const sentinels = [parts, ...others.map((url) => takeApart(url, urls))]
      return {
        kind: 'sentinels',
        sentinels: sentinels.map((one) => ({ host: one.host || LOCALHOST, port: one.port ?? 26_379 })),
        // In Celery the master's name is a separate setting; this is the name in Redis's examples.
        master: new URLSearchParams(parts.query).get('master_name') ?? 'mymaster',
      }
    }
  }
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

/** Which options in its URL leave a server unverified, as a sentence; undefined if it is verified, or if there is no TLS. */
export function unverifiedTls({ tls }: RedisAddress): string | undefined {
  if (tls === undefined) return undefined
  if (!tls.verified) {
    return 'ssl_cert_reqs=none in the URL of the result backend: results can be read and changed on their way to Redis'
  }
  if (tls.checksName) return undefined
  return 'ssl_check_hostname=false in the URL of the result backend: any server with a certificate of the same CA can pass for that Redis'
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

function refusal(urls: string, problem: string, hint?: string): TwqError {
  return new TwqError('TWQ_CONFIG', `the result backend ${redactUrl(urls)} ${problem}`, {
    hint: hint ?? `Give a URL of the form ${FORM}. ${ESCAPE_HINT}`,
  })
}
