import type { Context, MiddlewareHandler } from 'hono'
import type { Refusal, Right } from '../answers/session.ts'
import { objectionTo } from '../auth/guard.ts'
import type { KnownVisitor } from '../auth/visitor.ts'
import type { ApiEnv, ApiParts } from './context.ts'

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Needs no visitor: the login page and its files. */
const OPEN = /^\/(login$|assets\/)/

/** Runs before every request: checks the host, the origin and the visitor. Every answer gets the headers that isolate a page. */
export function guard({ access, hosts, basePath, logger }: ApiParts): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const objection = objectionTo(c.req.raw, hosts)
    const refused = objection ? refuse(c, objection.status, objection) : await admit()
    if (refused === undefined) await next()
    for (const [name, value] of Object.entries(HEADERS)) (refused ?? c.res).headers.set(name, value)
    const response = refused ?? c.res
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
    return refused

    /** The visitor; undefined if there is none, or if `authorize` throws, which is logged: both are refused. */
    async function known(asking: Context): Promise<KnownVisitor | undefined> {
      try {
        return await access.visitorOf(asking.req.raw)
      } catch (error) {
        logger?.error({ event: 'monitor.request-failed', err: error }, 'it could not be said who asks')
        return undefined
      }
    }

    async function admit(): Promise<Response | undefined> {
      const path = c.req.path.slice(basePath.length) || '/'
      const visitor = await known(c)
      if (visitor !== undefined) c.set('visitor', visitor)
      if (OPEN.test(path)) return undefined
      if (visitor === undefined) {
        const isPage = c.req.method === 'GET' && !path.startsWith('/api')
        if (isPage && access.login !== undefined)
          return c.redirect(loginFor(basePath, path, new URL(c.req.url).search), 303)
        return refuse(c, 401, { error: access.login ? 'log in first' : 'you may not see this' })
      }
      if (!visitor.rights.has('view')) return refuse(c, 403, { error: 'you have no right to look' })
      if (isChange(c.req.method) && !isTokenRight(c, visitor)) {
        return refuse(c, 403, { error: 'the token of the page is missing or old', hint: 'Load the page again.' })
      }
      return undefined
    }
  }
}

/** The login, which leads back to the requested view. */
function loginFor(basePath: string, path: string, search: string): string {
  const to = `${path}${search}`
  return to === '/' ? `${basePath}/login` : `${basePath}/login?${new URLSearchParams({ to })}`
}

/** Refuses if the visitor lacks a right. */
export function needs(right: Right): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (c.get('visitor').rights.has(right)) return await next()
    const hint = 'Rights are given by --auth, and none but view without --allow-control.'
    return refuse(c, 403, { error: `this takes the right to ${right}`, hint })
  }
}

function refuse(c: Context, status: 401 | 403 | 421, { error, hint }: Refusal): Response {
  return c.json<Refusal>({ error, ...(hint !== undefined && { hint }) }, status)
}

function isChange(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

function isTokenRight(c: Context, { bearer, csrf }: KnownVisitor): boolean {
  return bearer || c.req.header('x-twq-csrf') === csrf
}
