/** The URL of a server by its parts, decoded but for the query; what it does not have is empty, or undefined. */
export interface ServerUrl<Kind> {
  /** What its scheme stands for. */
  readonly kind: Kind
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: number | undefined
  readonly path: string
  readonly query: string
}

/** The URLs of one kind of server, and the error for what is wrong with one: a problem, to follow its name, and what to do. */
export interface ServerUrls<Kind> {
  /** By scheme, in lower case. */
  readonly schemes: Readonly<Record<string, Kind>>
  /** Of errors: `AMQP broker`, and `amqp:// or amqps://`. */
  readonly server: string
  readonly begin: string
  refuse(problem: string, hint?: string): Error
}

/** What to do about a password that holds special characters. */
export const ESCAPE_HINT =
  'Special characters in the user, the password or the path must be escaped: @ is %40, / is %2F, # is %23, % is %25.'

/** Between several URLs in one text: a `;` may also stand in a password, so only before another scheme does it separate. */
export const BETWEEN_URLS = /;(?=\s*[a-z][a-z0-9+.-]*:\/\/|\s*$)/i

/** The URLs in a text, separated by `;`, without those that are blank. */
export function splitUrls(urls: string): readonly string[] {
  return urls.split(BETWEEN_URLS).flatMap((url) => url.trim() || [])
}

/** Takes a URL apart. The login goes to the last `@` of the authority. Throws what `refuse` makes. */
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

/** Names a parameter of a query that is not known. An `@` in it says that a password was cut at its `?`: then it is not repeated. */
export function nameOfParameter(query: string, name: string): string {
  return query.includes('@') ? 'a parameter' : `the parameter ${name}`
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
