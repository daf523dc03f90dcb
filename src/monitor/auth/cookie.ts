const NAME = 'twq_monitor'
const SECONDS = 12 * 3_600

/** The session cookie's value in a request. */
export function cookieIn(request: Request): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(';')
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (pair.slice(0, at).trim() === NAME) return pair.slice(at + 1).trim()
  }
  return undefined
}

/** The header that sets the session cookie: scripts can't read it, and other sites can't cause it to be sent. */
export function cookieFor(value: string, basePath: string, secure: boolean): string {
  return `${NAME}=${value}; Path=${basePath || '/'}; HttpOnly; SameSite=Strict; Max-Age=${SECONDS}${secure ? '; Secure' : ''}`
}

/** The header that makes a browser delete it. */
export function cookieRemoved(basePath: string): string {
  return `${NAME}=; Path=${basePath || '/'}; HttpOnly; SameSite=Strict; Max-Age=0`
}
