import { isAlive } from '../../events/worker-state.ts'
import type { Overview } from '../answers/cluster.ts'
import { rowOf } from '../store/describe-task.ts'
import type { ApiParts } from './context.ts'

const MOST_FAILURES = 8

/** The first page; `now` is in seconds since the epoch. */
export function overviewOf({ store, feed, hide }: ApiParts, now: number): Overview {
  const workers = [...store.workers.values()]
  const tasks = [...store.tasks.values()]
  const ready = feed.depths.rows.flatMap(({ kind, ready: messages }) => (kind === 'task' ? (messages ?? []) : []))
  const failed = tasks.filter(({ state }) => state === 'FAILURE').sort((a, b) => b.timestamp - a.timestamp)
  return {
    now,
    since: store.since,
    broker: feed.link.state,
    gaps: feed.link.gaps,
    totals: store.totals,
    rates: store.rates(now),
    ...store.durations(now),
    workers: { online: workers.filter((worker) => isAlive(worker, now)).length, known: workers.length },
    queued: ready.length === 0 ? undefined : ready.reduce((sum, messages) => sum + messages, 0),
    running: tasks.filter(({ state }) => state === 'STARTED').length,
    remembered: tasks.length,
    lost: feed.lost,
    failures: failed.slice(0, MOST_FAILURES).flatMap(({ uuid }) => {
      const view = store.task(uuid)
      return view === undefined ? [] : rowOf(view, store, hide, now)
    }),
  }
}
