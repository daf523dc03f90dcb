import { BETWEEN_URLS } from './server-url.ts'

const SECRET_PARAMETER = /([?&;][a-z_]*(?:password|passwd|secret|token)=)[^&;]*/gi
const SCHEME = /^\s*[a-z][a-z0-9+.-]*:\/\//i
// A host with a port or without, and what follows it.
const PLACE = /^(?:\[[^\]@]*\]|[^:/?#@]*)(?::\d{1,5})?(?:[/?#]|$)/

/**
 * A URL, or several separated by `;`, with `mask` for passwords. The whole text is taken for URLs, however malformed:
 * what stands before the last `@` is a login, and what can't be a place (a forgotten host, a forgotten scheme) is hidden
 * behind its first `:`.
 */
export function redactUrl(urls: string, mask = '***'): string {
  return urls
    .split(BETWEEN_URLS)
    .map((url) => redactOne(url, mask))
    .join(';')
}

function redactOne(url: string, mask: string): string {
  const [scheme = ''] = SCHEME.exec(url) ?? []
  const rest = url.slice(scheme.length)
  // Up to the last `@`: a password that was not escaped may hold any character.
  const at = rest.lastIndexOf('@')
  const login = at < 0 ? '' : `${redactLogin(rest.slice(0, at), scheme !== '', mask)}@`
  const place = rest.slice(at + 1)
  return `${scheme}${login}${at < 0 ? redactPlace(place, mask) : place}`.replace(SECRET_PARAMETER, `$1${mask}`)
}

function redactLogin(login: string, hasScheme: boolean, mask: string): string {
  const colon = login.indexOf(':')
  if (colon >= 0) return `${login.slice(0, colon)}:${mask}`
  // Without a scheme it may be a password as well as a user.
  return hasScheme ? login : mask
}

function redactPlace(place: string, mask: string): string {
  if (PLACE.test(place)) return place
  const colon = place.indexOf(':')
  return colon < 0 ? place : `${place.slice(0, colon)}:${mask}`
}
