import type { ComponentChildren } from 'preact'
import { useLive } from '../live.ts'
import { Empty, Loaded } from './empty.tsx'
import { QueueChoice } from './queue-choice.tsx'

// Looking goes through the queue: not as often as depths are asked for.
const EVERY = 30_000

/** What the lists of messages beside task queues have in common. */
interface KeptList {
  readonly queue: string
  readonly queues: readonly { readonly name: string; readonly ready: number }[]
  readonly messages: readonly unknown[]
}

interface KeptMessagesProps<List extends KeptList> {
  /** The name of the view, which is that of its answer, too. */
  readonly view: 'failed' | 'quarantine'
  readonly query: URLSearchParams
  /** Shown where there are none. */
  readonly none: { readonly title: string; readonly text: string }
  readonly children: (list: List, again: () => void) => ComponentChildren
}

/** A view of the messages that workers keep beside a task queue, which is chosen above them. */
export function KeptMessages<List extends KeptList>({ view, query, none, children }: KeptMessagesProps<List>) {
  const queue = query.get('queue') ?? ''
  const asked = queue === '' ? '' : `?${new URLSearchParams({ queue })}`
  const live = useLive<List>(`/api/${view}${asked}`, [], { every: EVERY })
  return (
    <Loaded live={live}>
      {(list) => (
        <>
          <QueueChoice view={`/${view}`} queue={list.queue} queues={list.queues} again={live.again} />
          {list.messages.length === 0 ? <Empty {...none} /> : children(list, live.again)}
        </>
      )}
    </Loaded>
  )
}
