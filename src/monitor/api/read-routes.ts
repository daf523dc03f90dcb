import type { Hono } from 'hono'
import { listSchedules } from '../actions/schedules.ts'
import type { AuditList, QuarantineList, ScheduleListing } from '../answers/actions.ts'
import type { DepthRow, Overview, QueueList, Series, WorkerList } from '../answers/cluster.ts'
import type { FailedList } from '../answers/failed.ts'
import type { Refusal } from '../answers/session.ts'
import type { TaskDetail, TaskList, TaskTree } from '../answers/tasks.ts'
import { DEPTHS_EVERY } from '../feed/feed.ts'
import { detailOf, treeOf } from '../store/describe-task.ts'
import type { ApiEnv, ApiParts } from './context.ts'
import { withKeptResult } from './kept-result.ts'
import { overviewOf } from './overview.ts'
import { nameIn, taskQuery } from './queries.ts'
import { queuesOf } from './queues.ts'
import { tasksOf } from './tasks.ts'
import { workersOf } from './workers.ts'

/** The data of the pages, as JSON. */
export function readRoutes(app: Hono<ApiEnv>, parts: ApiParts): void {
  const { store, feed, keeper, hide, clock } = parts
  const now = () => clock.now() / 1000

  // If there is a file, the tasks shown are written to it by then. This value was read before, so the file may be newer.
  const shown = async <Answer>(answer: Answer): Promise<Answer> => {
    await keeper?.settle()
    return answer
  }

  app.get('/api/overview', async (c) => c.json<Overview>(await shown(overviewOf(parts, now()))))
  app.get('/api/series', (c) => {
    const span = c.req.query('span') === 'day' ? 'day' : 'hour'
    return c.json<Series>(store.series(span, now(), feed.link.gaps))
  })
  app.get('/api/workers', (c) => c.json<WorkerList>({ now: now(), workers: workersOf(parts, now()) }))
  app.get('/api/tasks', async (c) => c.json<TaskList>(await tasksOf(parts, taskQuery(c.req.query()), now())))
  app.get('/api/tasks/:id', async (c) => {
    const id = c.req.param('id')
    const view = store.task(id) ?? (await keeper?.task(id))
    if (view === undefined) return c.json<Refusal>(UNKNOWN_TASK, 404)
    return c.json<TaskDetail>(await shown(await withKeptResult(detailOf(view, store, hide, now()), parts.results)))
  })
  app.get('/api/tasks/:id/tree', async (c) => {
    const view = store.task(c.req.param('id'))
    if (view === undefined) return c.json<Refusal>(UNKNOWN_TASK, 404)
    return c.json<TaskTree>(await shown(treeOf(view.state, store)))
  })
  app.get('/api/queues', (c) => {
    const { asked, error } = feed.depths
    return c.json<QueueList>({ asked, every: DEPTHS_EVERY / 1000, error, queues: queuesOf(parts, now()) })
  })
  app.get('/api/failed', async (c) => {
    const { queue, queues } = chosen(feed.depths.rows, 'failed', c.req.query('queue'))
    const listed = queue === '' ? NOTHING : await parts.failures.list(queue)
    return c.json<FailedList>({ queue, queues: counted(queues, queue, listed), ...listed })
  })
  app.get('/api/quarantine', async (c) => {
    const { queue, queues } = chosen(feed.depths.rows, 'quarantine', c.req.query('queue'))
    const listed = queue === '' ? NOTHING : await parts.quarantines.list(queue)
    return c.json<QuarantineList>({ queue, queues: counted(queues, queue, listed), ...listed })
  })
  app.get('/api/schedules', async (c) => c.json<ScheduleListing>(await listSchedules(parts.client.schedules, hide)))
  app.get('/api/audit', (c) => c.json<AuditList>(parts.audit.list))
}

const UNKNOWN_TASK: Refusal = {
  error: 'nothing is known of this task',
  hint: 'No event of it was heard, or it is older than the tasks that are remembered.',
}

const NOTHING = { messages: [], unseen: 0 }

interface Counted {
  readonly name: string
  readonly ready: number
}

/** With the number of messages of `queue` just found: its depth was queried earlier, for a missing queue up to a minute ago. */
function counted(queues: readonly Counted[], queue: string, listed: { messages: readonly unknown[]; unseen: number }) {
  const ready = listed.messages.length + listed.unseen
  const others = queues.filter(({ name }) => name !== queue)
  const isListed = ready > 0 || others.length < queues.length
  return isListed ? [...others, { name: queue, ready }].sort((a, b) => (a.name < b.name ? -1 : 1)) : queues
}

/** The task queues that have a companion of this kind, and the selected one: the one requested, else the fullest. */
function chosen(rows: readonly DepthRow[], kind: 'failed' | 'quarantine', asked: string | undefined) {
  const queues = rows.flatMap((row) =>
    row.kind === kind ? { name: row.name.slice(0, -1 - kind.length), ready: row.ready ?? 0 } : [],
  )
  const fullest = queues.toSorted((a, b) => b.ready - a.ready)[0]?.name
  return { queue: asked ? nameIn(asked, 'queue') : (fullest ?? rows[0]?.name ?? ''), queues }
}
