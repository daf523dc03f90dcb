/** The parts of a server's URL, decoded except for the query; missing parts are empty or undefined. */
export interface ServerUrl<Kind> {
  /** What its scheme means. */
  readonly kind: Kind
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: number | undefined
  readonly path: string
  readonly query: string
}

/** How to parse the URLs of one kind of server, and the error for an invalid one: a problem, to follow its name, and a hint. */
export interface ServerUrls<Kind> {
  /** By scheme, in lower case. */
  readonly schemes: Readonly<Record<string, Kind>>
  /** For errors: `AMQP broker`, and `amqp:// or amqps://`. */
  readonly server: string
  readonly begin: string
  refuse(problem: string, hint?: string): Error
}

/** The hint for a password with special characters. */
export const ESCAPE_HINT =
  'Special characters in the user, the password or the path must be escaped: @ is %40, / is %2F, # is %23, % is %25.'

/** Separates several URLs in one text: a `;` may also occur in a password, so it separates only before another scheme. */
export const BETWEEN_URLS = /;(?=\s*[a-z][a-z0-9+.-]*:\/\/|\s*$)/i

/** The URLs in a text, separated by `;`, without those that are blank. */
export function splitUrls(urls: string): readonly string[] {
  return urls.split(BETWEEN_URLS).flatMap((url) => url.trim() || [])
}

/** Splits a URL into its parts. The login ends at the last `@` of the authority. Throws what `refuse` returns. */
export function readServerUrl<Kind>(
  url: string,
  { schemes, server, begin, refuse }: ServerUrls<Kind>,
): ServerUrl<Kind> {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is.exec(url)
  if (parts === null) throw refuse(`does not begin with ${begin}`)
  const [, scheme = '', authority = '', path = '', query = '', fragment] = parts
  const kind = Object.hasOwn(schemes, scheme.toLowerCase()) ? schemes[scheme.toLowerCase()] : undefined
  if (kind === undefined) throw refuse(`has the scheme ${scheme}, which is no ${server}`)
  if (fragment !== undefined || path.includes('@')) {
    throw refuse('has a special character that is not escaped', ESCAPE_HINT)
  }
  const at = authority.lastIndexOf('@')
  const place = authority.slice(at + 1)
  if (`${place}${path}`.includes(';')) {
    throw refuse(
      'has a ; in its host or path',
      'Alternatives are whole URLs, each with its scheme. In a path, ; is %3B.',
    )
  }
  const [user, password] = splitOnce(authority.slice(0, Math.max(at, 0)))
  const [, bracketed, after = ''] = /^\[([^\]]*)\](?::(.*))?$/.exec(place) ?? []
  const [host, port] = bracketed === undefined ? splitOnce(place) : [bracketed, after]
  if (port !== '' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw refuse('has no usable port', `${ESCAPE_HINT} A port is a number from 1 to 65535.`)
  }
  try {
    return {
      kind,
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      host: decodeURIComponent(host),
      port: port === '' ? undefined : Number(port),
      path: decodeURIComponent(path),
      query,
    }
  } catch {
    throw refuse('has a % that is not followed by two hexadecimal digits', ESCAPE_HINT)
  }
}

/** Names an unknown query parameter. An `@` in the query means that a password was cut at its `?`: then the name is not shown. */
export function nameOfParameter(query: string, name: string): string {
  return query.includes('@') ? 'a parameter' : `the parameter ${name}`
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
