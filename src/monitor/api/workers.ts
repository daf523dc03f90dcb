import { isAlive, type WorkerState } from '../../events/worker-state.ts'
import type { TaskEventsHeard, WorkerRow } from '../answers/cluster.ts'
import type { WorkerAnswer } from '../feed/inspections.ts'
import type { ApiParts } from './context.ts'

/** Every worker that was heard of or has answered; `now` is in seconds since the epoch. */
export function workersOf({ store, feed }: ApiParts, now: number): readonly WorkerRow[] {
  const { answers } = feed.inspections
  const names = new Set([...store.workers.keys(), ...answers.keys()])
  return [...names].sort().map((name) => {
    const state = store.workers.get(name)
    const answer = answers.get(name)
    const statistics = answer?.statistics
    return {
      name,
      online: state === undefined ? isFresh(answer, now) : isAlive(state, now),
      lastHeard: state?.lastHeard ?? store.leftAt(name) ?? answer?.asked,
      software: [state?.swIdent, state?.swVer].filter(Boolean).join(' ') || undefined,
      system: state?.swSys,
      pid: state?.pid ?? statistics?.pid,
      active: state?.active,
      processed: state?.processed,
      load: state?.loadavg,
      taskEvents: heardOf(state, answer, store.heardTasksOf(name)),
      pool: poolOf(statistics?.pool.implementation),
      slots: statistics?.pool.maxConcurrency,
      prefetch: statistics?.prefetchCount,
      uptime: statistics?.uptime === undefined ? undefined : statistics.uptime + (now - (answer?.asked ?? now)),
      clock: statistics?.clock,
      queues: (answer?.queues ?? []).map(({ name: queue }) => queue),
      asked: answer?.asked,
    }
  })
}

// One that sends no events of its own is there while it answers.
const ANSWERS_EVERY = 90

function isFresh(answer: WorkerAnswer | undefined, now: number): boolean {
  return answer !== undefined && now - answer.asked < ANSWERS_EVERY
}

/** A worker that has done something, and of whose tasks nothing was heard, sends no task events. */
function heardOf(
  state: WorkerState | undefined,
  answer: WorkerAnswer | undefined,
  heard: number | undefined,
): TaskEventsHeard {
  if (heard !== undefined) return 'heard'
  const started = [...(answer?.statistics.total.values() ?? [])].reduce((sum, count) => sum + count, 0)
  return (state?.processed ?? 0) > 0 || (state?.active ?? 0) > 0 || started > 0 ? 'silent' : 'unknown'
}

/** `prefork` of `celery.concurrency.prefork:TaskPool`, `threads` of `twq:threads`. */
function poolOf(implementation: string | undefined): string | undefined {
  const [, module = ''] = /^(.{1,200}?)(?::TaskPool)?$/.exec(implementation ?? '') ?? []
  return module.replace(/^(celery\.concurrency\.|twq:)/, '') || undefined
}
