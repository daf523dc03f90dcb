import { useEffect, useRef, useState } from 'preact/hooks'
import type { Versions } from '../answers/session.ts'
import { BASE } from './address.ts'
import { ask, Refused } from './ask.ts'

/** The topics that can change. */
export type Topic = keyof Versions

/** Whether changes are pushed as they happen, or polled every few seconds. */
export type Liveness = 'connecting' | 'live' | 'polling'

const POLL_EVERY = 5_000
const LEAST_PAUSE = 700

type Listener = () => void

const listeners = new Set<Listener>()
let versions: Versions | undefined
let liveness: Liveness = 'connecting'

function tell(): void {
  for (const listener of listeners) listener()
}

const REFUSED_AGAIN = 30_000

/**
 * Listens while the page is visible. A browser opens at most six connections to an HTTP/1.1 server, for all tabs together:
 * streams of hidden tabs would leave none for other requests. While the stream is unavailable, every view polls every five
 * seconds.
 */
export function listen(): void {
  let source: EventSource | undefined
  let again: ReturnType<typeof setTimeout> | undefined
  const follow = () => {
    clearTimeout(again)
    source?.close()
    source = document.hidden ? undefined : opened(() => (again = setTimeout(follow, REFUSED_AGAIN)))
    if (source !== undefined) return
    liveness = 'connecting'
    tell()
  }
  document.addEventListener('visibilitychange', follow)
  follow()
}

function opened(onRefused: () => void): EventSource {
  const source = new EventSource(`${BASE}/api/stream`)
  source.addEventListener('changed', (event) => {
    versions = JSON.parse((event as MessageEvent<string>).data) as Versions
    liveness = 'live'
    tell()
  })
  source.addEventListener('error', () => {
    liveness = 'polling'
    tell()
    // A browser reconnects by itself, unless it was refused.
    if (source.readyState === EventSource.CLOSED) onRefused()
  })
  return source
}

/** How changes arrive. */
export function useLiveness(): Liveness {
  const [shown, setShown] = useState(liveness)
  useEffect(() => {
    const listener = () => setShown(liveness)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return shown
}

/** The current answer, or the last one with the reason why there is no newer one. */
export interface Live<Answer> {
  readonly answer: Answer | undefined
  readonly refused: Refused | undefined
  /** The answer belongs to another request, for example to the previous filter. */
  readonly isOld: boolean
  readonly again: () => void
}

/** The polling interval of a view, in milliseconds. */
export interface Pace {
  /** If the stream does not report the view's topics: poll at this interval. */
  readonly every?: number
  /** The shortest pause between two requests. */
  readonly least?: number
}

/**
 * Requests `path`, again whenever one of `topics` has changed, and every five seconds while the stream is down. The last answer
 * stays until the next one arrives, so that nothing jumps.
 */
export function useLive<Answer>(
  path: string,
  topics: readonly Topic[],
  { every, least = LEAST_PAUSE }: Pace = {},
): Live<Answer> {
  const [got, setGot] = useState<{ path: string; answer?: Answer; refused?: Refused }>({ path: '' })
  const refresh = useRef<() => void>(() => {})
  const wanted = topics.join(',')
  useEffect(() => {
    const stop = new AbortController()
    let seen = ''
    let busy = false
    let missed = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const seenNow = () =>
      wanted
        .split(',')
        .map((topic) => versions?.[topic as Topic])
        .join()
    const load = async () => {
      clearTimeout(timer)
      if (busy) {
        missed = true
        return
      }
      busy = true
      seen = seenNow()
      try {
        const answer = await ask<Answer>(path, stop.signal)
        setGot({ path, answer })
      } catch (error) {
        if (stop.signal.aborted) return
        const refused = error instanceof Refused ? error : new Refused(0, { error: String(error) })
        setGot((before) => ({
          ...(before.path === path && before.answer !== undefined && { answer: before.answer }),
          path,
          refused,
        }))
      }
      busy = false
      if (stop.signal.aborted) return
      if (missed) timer = setTimeout(() => void load(), least)
      else wait()
      missed = false
    }
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(look, every ?? POLL_EVERY)
    }
    /** Polls if nothing reports changes; otherwise checks again later, since the stream may be down by then. */
    const look = () => {
      if (!document.hidden && (every !== undefined || liveness !== 'live')) void load()
      else wait()
    }
    const check = () => {
      if (seenNow() !== seen) void load()
    }
    let scheduled: ReturnType<typeof setTimeout> | undefined
    const listener = () => {
      if (every !== undefined || scheduled !== undefined || document.hidden) return
      scheduled = setTimeout(() => {
        scheduled = undefined
        check()
      }, least)
    }
    const visible = () => {
      if (!document.hidden) check()
    }
    listeners.add(listener)
    document.addEventListener('visibilitychange', visible)
    refresh.current = () => void load()
    void load()
    return () => {
      stop.abort()
      clearTimeout(timer)
      clearTimeout(scheduled)
      listeners.delete(listener)
      document.removeEventListener('visibilitychange', visible)
    }
  }, [path, wanted, every, least])
  const { answer, refused } = got
  return {
    answer,
    refused: got.path === path ? refused : undefined,
    isOld: got.path !== path,
    again: () => refresh.current(),
  }
}
