import { okIn, queuesIn, statisticsIn } from '../../protocol/remote/inspect-answers.ts'
import type { Json } from '../../runtime/json.ts'
import { openControlClient, type RemoteFlags } from '../remote/ask-workers.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { type Column, print, table, terminalStyle, toJson, wantsJson } from '../terminal/output.ts'

/** A row of the list; null if the worker does not report it. The keys are those of `--json`. */
export interface WorkerRow {
  readonly node: string
  readonly pid: number | null
  readonly pool: string | null
  readonly concurrency: number | null
  readonly active: number | null
  /** How many tasks have started. */
  readonly processed: number | null
  readonly queues: readonly string[]
  /** In seconds. */
  readonly uptime: number | null
  readonly software: string | null
}

/** The answers of workers that a list is made from. */
export interface WorkerReplies {
  readonly stats: ReadonlyMap<string, Json>
  readonly active: ReadonlyMap<string, Json>
  readonly queues: ReadonlyMap<string, Json>
  readonly report: ReadonlyMap<string, Json>
}

/** `twq worker list`: the workers that are there, and what they are; 69 when there is none. */
export async function workerList(flags: RemoteFlags): Promise<number> {
  await using line = await openControlClient('worker list', flags)
  const [stats, active, queues, report] = await Promise.all(
    ['stats', 'active', 'active_queues', 'report'].map((method) => line.ask(method)),
  )
  const rows = workerRows({ stats, active, queues, report } as WorkerReplies)
  if (wantsJson(flags)) print(`${toJson(rows)}\n`)
  else print(table(rows, COLUMNS, terminalStyle()))
  return stats === undefined ? EXIT.ok : line.exitStatus(stats)
}

/** A row for each node, by name. Python's workers use other names in places; a missing value is not an error. */
export function workerRows({ stats, active, queues, report }: WorkerReplies): WorkerRow[] {
  return [...stats.keys()].sort().map((node) => {
    const { pid, pool, total, uptime } = statisticsIn(stats.get(node))
    const running = active.get(node)
    return {
      node,
      pid: pid ?? null,
      pool: pool.implementation === undefined ? null : poolName(pool.implementation),
      concurrency: pool.maxConcurrency ?? null,
      active: Array.isArray(running) ? running.length : null,
      processed: [...total.values()].reduce((sum, count) => sum + count, 0),
      queues: queuesIn(queues.get(node)).map(({ name }) => name),
      uptime: uptime ?? null,
      software: softwareOf(okIn(report.get(node))),
    }
  })
}

const COLUMNS: readonly Column<WorkerRow>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'PID', cell: ({ pid }) => shown(pid), align: 'right' },
  { title: 'POOL', cell: ({ pool }) => shown(pool) },
  { title: 'CONCURRENCY', cell: ({ concurrency }) => shown(concurrency), align: 'right' },
  { title: 'ACTIVE', cell: ({ active }) => shown(active), align: 'right' },
  { title: 'PROCESSED', cell: ({ processed }) => shown(processed), align: 'right' },
  { title: 'QUEUES', cell: ({ queues }) => queues.join(', '), elastic: true },
  { title: 'UPTIME', cell: ({ uptime }) => (uptime === null ? '' : `${uptime} s`), align: 'right' },
  { title: 'SOFTWARE', cell: ({ software }) => shown(software) },
]

/** `celery.concurrency.prefork:TaskPool` is prefork's pool, `twq:threads` our threads. */
function poolName(implementation: string): string {
  return /^celery\.concurrency\.(\w+):/.exec(implementation)?.[1] ?? implementation.replace(/^twq:/, '')
}

/** The first word after `software ->`: `celery:5.2.6`, `twq:0.1.0`. */
function softwareOf(report: string | undefined): string | null {
  return /software -> (\S+)/.exec(report ?? '')?.[1] ?? null
}

function shown(value: string | number | null): string {
  return value === null ? '' : String(value)
}
