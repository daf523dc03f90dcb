/** Where something listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

const LARGEST_PORT = 65_535
const ADDRESS = /^(?:(\[[0-9a-f:.]+\]|[^\s:[\]/@]*):)?(\d{1,5})$/i

/**
 * Parses `host:port`, `[::1]:port`, a port alone (on this machine's loopback interface), or `:port` (on every IPv4 interface).
 * Undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  const [match, host = '127.0.0.1', digits] = ADDRESS.exec(text) ?? []
  const port = Number(digits)
  if (match === undefined || port > LARGEST_PORT) return undefined
  return { host: host === '' ? '0.0.0.0' : host.replace(/^\[|\]$/g, ''), port }
}
