import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { SessionAnswer } from '../../answers/session.ts'
import { hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { useLiveness } from '../live.ts'
import { Notices } from './notices.tsx'

const VIEWS = [
  ['/', 'Overview'],
  ['/workers', 'Workers'],
  ['/tasks', 'Tasks'],
  ['/queues', 'Queues'],
  ['/failed', 'Failed'],
  ['/quarantine', 'Quarantine'],
  ['/schedules', 'Schedules'],
  ['/audit', 'Audit'],
] as const

interface ShellProps {
  readonly session: SessionAnswer | undefined
  readonly path: string
  readonly title: string
  readonly children: ComponentChildren
}

/** What is around every view: the ways to the others, who looks, and whether the page is live. */
export function Shell({ session, path, title, children }: ShellProps) {
  const nav = useRef<HTMLElement>(null)
  // Where the views do not fit beside each other, the one that is shown is scrolled to.
  useEffect(
    () => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }),
    [path],
  )
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="side">
        <a class="brand" href={hrefOf('/')}>
          <span class="brand-mark" aria-hidden="true" />
          twq monitor
        </a>
        <nav ref={nav} aria-label="Views">
          <ul class="views">
            {VIEWS.map(([to, name]) => (
              <li key={to}>
                <a href={hrefOf(to)} aria-current={to === path ? 'page' : undefined}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="side-end">
          <LiveMark />
          {session !== undefined && <Who session={session} />}
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {title !== '' && <h1>{title}</h1>}
        {children}
      </main>
      <Notices />
    </div>
  )
}

const LIVENESS = { connecting: 'Connecting', live: 'Live', polling: 'Every 5 s' } as const

function LiveMark() {
  const liveness = useLiveness()
  return (
    <span class={`live live-${liveness}`} role="status">
      <span class="dot" aria-hidden="true" />
      {LIVENESS[liveness]}
    </span>
  )
}

function Who({ session }: { readonly session: SessionAnswer }) {
  const leave = async () => {
    await act('/api/logout', {})
    location.assign(hrefOf('/login'))
  }
  return (
    <div class="who">
      {session.canLogOut ? (
        <>
          <span class="who-name">{session.user}</span>
          <button type="button" class="quiet" onClick={() => void leave()}>
            Log out
          </button>
        </>
      ) : (
        <span class="faint">{session.rights.length > 1 ? 'Control allowed' : 'Read only'}</span>
      )}
      <span class="faint version">{session.version}</span>
    </div>
  )
}
