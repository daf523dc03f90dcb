import { isIP } from 'node:net'

/** Why a request is refused before it is processed. */
export interface Objection {
  readonly status: 403 | 421
  readonly error: string
  readonly hint: string
}

const UNSAFE: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * The problem with a request, from its headers alone. A `Host` with a name that is not allowed belongs to a page whose name was
 * made to resolve to this server (DNS rebinding). A change must come from a page of ours, according to the browser's `Origin` or
 * `Sec-Fetch-Site`, or from a client that is not a browser.
 */
export function objectionTo(request: Request, hosts: readonly string[]): Objection | undefined {
  const host = request.headers.get('host') ?? new URL(request.url).host
  if (!isAllowedHost(host, hosts)) {
    return {
      status: 421,
      error: 'this host is not served here',
      hint: 'Allow it: --allow-host, or `hosts` of createMonitor',
    }
  }
  const site = request.headers.get('sec-fetch-site')
  const isNavigation = request.headers.get('sec-fetch-mode') === 'navigate' && request.method === 'GET'
  if (site !== null && site !== 'same-origin' && site !== 'none' && !isNavigation) return CROSS_SITE
  if (!UNSAFE.has(request.method)) return undefined
  const origin = request.headers.get('origin')
  if (origin === null) return undefined
  const from = hostOf(origin)
  // Behind a proxy that passes another Host on, the page has one of the allowed names.
  const isOurs = from !== undefined && (from === host.toLowerCase() || isNamed(from, hosts))
  return isOurs ? undefined : CROSS_SITE
}

const CROSS_SITE: Objection = {
  status: 403,
  error: 'requests of other sites are refused',
  hint: 'Open the page itself, and act there.',
}

/** A name never resolves to a `Host` that is an address, and browsers resolve `localhost` themselves. */
function isAllowedHost(host: string, hosts: readonly string[]): boolean {
  const lower = host.toLowerCase()
  const [, name = ''] = /^(\[[0-9a-f:.]+\]|[^:[\]/@\\\s]+)(?::\d{1,5})?$/.exec(lower) ?? []
  if (name === '') return false
  const bare = name.startsWith('[') ? name.slice(1, -1) : name
  return name === 'localhost' || isIP(bare) !== 0 || isNamed(lower, hosts)
}

/** Whether a lower-case host, with or without a port, is one of these. */
function isNamed(host: string, hosts: readonly string[]): boolean {
  const name = host.replace(/:\d{1,5}$/, '')
  return hosts.some((one) => one.toLowerCase() === host || one.toLowerCase() === name)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) && /^https?:/.test(origin) ? new URL(origin).host : undefined
}
