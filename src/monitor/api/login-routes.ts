import type { Hono } from 'hono'
import { packageVersion } from '../../runtime/own-package.ts'
import type { Refusal, SessionAnswer } from '../answers/session.ts'
import { cookieFor, cookieRemoved } from '../auth/cookie.ts'
import type { ApiEnv, ApiParts } from './context.ts'

/** Who asks, and the ways in and out. */
export function loginRoutes(app: Hono<ApiEnv>, { access, hidden, basePath, audit }: ApiParts): void {
  app.get('/api/session', (c) => {
    const { name: user, rights, csrf } = c.get('visitor')
    const canLogOut = access.login !== undefined
    return c.json<SessionAnswer>({ user, rights: [...rights], csrf, canLogOut, hidden, version: packageVersion() })
  })
  const { login } = access
  if (login === undefined) return

  app.post('/login', async (c) => {
    // A form on another site can't send this type without a preflight request.
    if (!/^application\/json\b/.test(c.req.header('content-type') ?? '')) {
      return c.json<Refusal>({ error: 'credentials come as JSON' }, 415)
    }
    const body = await c.req.json<Record<string, unknown> | null>().catch(() => null)
    const { name, secret } = body ?? {}
    if (typeof name !== 'string' || typeof secret !== 'string') {
      return c.json<Refusal>({ error: 'name and secret are needed' }, 400)
    }
    const entered = await login.enter(name, secret)
    if (entered === 'later') return c.json<Refusal>({ error: 'too many tries: wait some seconds' }, 429)
    const done = entered !== undefined
    audit.add({ who: name, what: 'login', on: '', outcome: done ? 'done' : 'refused', detail: undefined })
    if (entered === undefined) return c.json<Refusal>({ error: 'name and secret do not belong together' }, 401)
    const secure = c.req.header('x-forwarded-proto') === 'https' || new URL(c.req.url).protocol === 'https:'
    c.header('set-cookie', cookieFor(entered, basePath, secure))
    return c.json({})
  })

  app.post('/api/logout', (c) => {
    login.leave(c.req.raw)
    c.header('set-cookie', cookieRemoved(basePath))
    return c.json({})
  })
}
