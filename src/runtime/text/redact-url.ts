import { BETWEEN_URLS } from './server-url.ts'

const SECRET_PARAMETER = /([?&;][a-z_]*(?:password|passwd|secret|token)=)[^&;]*/gi
const SCHEME = /^\s*[a-z][a-z0-9+.-]*:\/\//i
// A host with a port or without, and what follows it.
const PLACE = /^(?:\[[^\]@]*\]|[^:/?#@]*)(?::\d{1,5})?(?:[/?#]|$)/

/**
 * A URL, or several separated by `;`, with `mask` in place of passwords. The whole text is treated as URLs, however malformed:
 * everything before the last `@` is a login, and what can't be a host (a forgotten host or scheme) is hidden after its first `:`.
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
  // Up to the last `@`: an unescaped password may contain any character.
  const at = rest.lastIndexOf('@')
  const login = at < 0 ? '' : `${redactLogin(rest.slice(0, at), scheme !== '', mask)}@`
  const place = rest.slice(at + 1)
  return `${scheme}${login}${at < 0 ? redactPlace(place, mask) : place}`.replace(SECRET_PARAMETER, `$1${mask}`)
}

function redactLogin(login: string, hasScheme: boolean, mask: string): string {
  const colon = login.indexOf(':')
  if (colon >= 0) return `${login.slice(0, colon)}:${mask}`
  // Without a scheme it may be either a password or a user.
  return hasScheme ? login : mask
}

function redactPlace(place: string, mask: string): string {
  if (PLACE.test(place)) return place
  const colon = place.indexOf(':')
  return colon < 0 ? place : `${place.slice(0, colon)}:${mask}`
}
