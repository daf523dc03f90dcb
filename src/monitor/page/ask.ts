import type { Refusal, SessionAnswer } from '../answers/session.ts'
import { BASE, loginHref } from './address.ts'

/** An error answer of the monitor, with the reason. */
export class Refused extends Error {
  readonly status: number
  readonly hint: string | undefined

  constructor(status: number, { error, hint }: Refusal) {
    super(error)
    this.status = status
    this.hint = hint
  }
}

let session: SessionAnswer | undefined

/** Requests the session; without one the browser goes to the login. */
export async function askSession(): Promise<SessionAnswer> {
  session = await ask<SessionAnswer>('/api/session')
  return session
}

/** Requests the data of a view. Rejects with {@link Refused}. */
export async function ask<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  return await answerOf<Answer>(await sent(path, { ...(signal && { signal }) }))
}

/** Sends a change. Rejects with {@link Refused}. */
export async function act<Answer>(path: string, body: unknown): Promise<Answer> {
  const response = await posted(path, body)
  // The monitor was restarted since this page was loaded, and has a new token for it.
  const isRenewed = response.status === 403 && session !== undefined && session.csrf !== (await askSession()).csrf
  return await answerOf<Answer>(isRenewed ? await posted(path, body) : response)
}

async function posted(path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-twq-csrf': session?.csrf ?? '' }
  return await sent(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function sent(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${BASE}${path}`, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Refused(0, { error: 'The monitor does not answer.' })
  }
}

async function answerOf<Answer>(response: Response): Promise<Answer> {
  if (response.ok) return (await response.json()) as Answer
  const refusal = (await response.json().catch(() => ({ error: `status ${response.status}` }))) as Refusal
  if (response.status === 401 && session?.canLogOut && !location.pathname.endsWith('/login')) {
    location.assign(loginHref())
  }
  throw new Refused(response.status, refusal)
}
