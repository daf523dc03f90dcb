import { useEffect, useState } from 'preact/hooks'
import type { SessionAnswer } from '../answers/session.ts'
import { addressNow, useAddress } from './address.ts'
import { askSession, Refused } from './ask.ts'
import { listen } from './live.ts'
import { Audit } from './pages/audit.tsx'
import { Failed } from './pages/failed.tsx'
import { Login } from './pages/login.tsx'
import { Overview } from './pages/overview.tsx'
import { Quarantine } from './pages/quarantine.tsx'
import { Queues } from './pages/queues.tsx'
import { Schedules } from './pages/schedules.tsx'
import { Task } from './pages/task.tsx'
import { Tasks } from './pages/tasks.tsx'
import { Workers } from './pages/workers.tsx'
import { BrokerBanner } from './parts/broker-banner.tsx'
import { Empty } from './parts/empty.tsx'
import { Shell } from './parts/shell.tsx'

/** The page: the login, or one of the views within its frame. */
export function App() {
  const address = useAddress()
  if (address.path === '/login') return <Login />
  return <Entered />
}

function Entered() {
  const [session, setSession] = useState<SessionAnswer>()
  const [refused, setRefused] = useState<string>()
  useEffect(() => {
    askSession().then(
      (answer) => {
        setSession(answer)
        listen()
      },
      (error: unknown) => setRefused(error instanceof Refused ? error.message : String(error)),
    )
  }, [])
  if (refused !== undefined) return <Empty title="The monitor can't be shown" text={refused} />
  if (session === undefined)
    return (
      <Shell session={undefined} path={addressNow().path} title="">
        {null}
      </Shell>
    )
  return <View session={session} />
}

function View({ session }: { readonly session: SessionAnswer }) {
  const { path, query } = useAddress()
  const [, first = '', second] = path.split('/')
  const [title, view] = viewOf(first, second, query, session)
  useEffect(() => {
    document.title = `${title} · twq monitor`
  }, [title])
  return (
    <Shell session={session} path={`/${first}`} title={title}>
      <BrokerBanner />
      {view}
    </Shell>
  )
}

/** A part of an address without its escapes; as it is where one of them is malformed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function viewOf(first: string, second: string | undefined, query: URLSearchParams, session: SessionAnswer) {
  switch (first) {
    case '':
      return ['Overview', <Overview query={query} />] as const
    case 'workers':
      return ['Workers', <Workers session={session} />] as const
    case 'tasks':
      return second === undefined
        ? (['Tasks', <Tasks query={query} />] as const)
        : (['Task', <Task id={decoded(second)} session={session} />] as const)
    case 'queues':
      return ['Queues', <Queues />] as const
    case 'failed':
      return ['Failed', <Failed query={query} session={session} />] as const
    case 'quarantine':
      return ['Quarantine', <Quarantine query={query} session={session} />] as const
    case 'schedules':
      return ['Schedules', <Schedules session={session} />] as const
    case 'audit':
      return ['Audit', <Audit />] as const
    default:
      return ['Not found', <Empty title="There is no such view" text="The address may be mistyped." />] as const
  }
}
