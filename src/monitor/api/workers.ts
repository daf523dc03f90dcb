import { isAlive } from '../../events/worker-state.ts'
import type { TaskEventsHeard, WorkerRow } from '../answers/cluster.ts'
import { begunOf, type WorkerAnswer } from '../feed/inspections.ts'
import type { MonitorStore } from '../store/monitor-store.ts'
import type { ApiParts } from './context.ts'

/** Every worker that sent events or answered; `now` is in seconds since the epoch. */
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
      taskEvents: heardOf(store, name, answer),
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

// A worker that sends no events counts as present while it answers.
const ANSWERS_EVERY = 90

function isFresh(answer: WorkerAnswer | undefined, now: number): boolean {
  return answer !== undefined && now - answer.asked < ANSWERS_EVERY
}

/** A worker that has started tasks since it is known here, but none of whose task events arrived, does not send them. */
function heardOf(store: MonitorStore, name: string, answer: WorkerAnswer | undefined): TaskEventsHeard {
  if (store.heardTasksOf(name) !== undefined) return 'heard'
  const hasBegun = answer !== undefined && begunOf(answer.statistics) > answer.begunBefore
  return hasBegun || store.hasBegunTasks(name) ? 'silent' : 'unknown'
}

/** `prefork` of `celery.concurrency.prefork:TaskPool`, `threads` of `twq:threads`. */
function poolOf(implementation: string | undefined): string | undefined {
  const [, module = ''] = /^(.{1,200}?)(?::TaskPool)?$/.exec(implementation ?? '') ?? []
  return module.replace(/^(celery\.concurrency\.|twq:)/, '') || undefined
}
