import type { TaskState } from '../../events/task-state.ts'
import { isAlive } from '../../events/worker-state.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import type { HiddenPart, TaskAttempt, TaskDetail, TaskMoment, TaskRow, TaskTree } from '../answers/tasks.ts'
import { FINAL, type MonitorStore, type TaskView } from './monitor-store.ts'
import type { KeptMoment } from './task-history.ts'

/** Returns which parts of a task are hidden from everybody. */
export type Hide = (task: { readonly id: string; readonly name: string | undefined }) => readonly HiddenPart[]

const LONGEST_CELL = 200
const MOST_NODES = 500
// Python's texts for no arguments.
const NOTHING: ReadonlySet<string> = new Set(['', '()', '[]', '{}'])
// The events that end a run of a task's code.
const ENDS: ReadonlySet<string> = new Set(['succeeded', 'failed', 'retried', 'revoked', 'rejected'])

/** The row of a task; `now` is in seconds since the epoch. */
export function rowOf({ state, history }: TaskView, store: MonitorStore, hide: Hide, now: number): TaskRow {
  const hidden = hiddenOf(state, hide)
  const { uuid: id, name, worker, timestamp: at, received, started, runtime, retries, args, kwargs, exception } = state
  const called = [args, kwargs].filter((text) => text !== undefined && !NOTHING.has(text)).join(' ')
  return {
    ...{ id, name, state: state.state, worker, at, received, started, runtime, retries },
    args: hidden.has('args') || (args ?? kwargs) === undefined ? undefined : cell(called),
    exception: hidden.has('errors') || exception === undefined ? undefined : cell(exception),
    unknownSince: history.unknownSince,
    workerLostSince: lostSince(state, store, now),
  }
}

/** Everything that the events report about a task. */
export function detailOf(view: TaskView, store: MonitorStore, hide: Hide, now: number): TaskDetail {
  const { state, history } = view
  const hidden = hiddenOf(state, hide)
  const { eta, expires, queue, exchange, routingKey, client, rootId, parentId } = state
  const shown = (part: HiddenPart, text: string | undefined) => (hidden.has(part) ? undefined : text)
  const value = (text: string | undefined) => (text === undefined ? undefined : ({ text, from: 'event' } as const))
  const moments = history.moments.map((moment) => ({ ...moment, note: shown('errors', moment.note) }))
  return {
    ...rowOf(view, store, hide, now),
    args: shown('args', state.args),
    kwargs: shown('args', state.kwargs),
    exception: shown('errors', state.exception),
    result: value(shown('results', state.result)),
    traceback: value(shown('errors', state.traceback)),
    kept: undefined,
    ...{ eta, expires, queue, exchange, routingKey, client, rootId, parentId },
    hidden: [...hidden],
    attempts: attemptsOf(moments),
    timeline: [...moments].sort((a, b) => a.at - b.at) satisfies readonly TaskMoment[],
    omitted: history.omitted,
  }
}

/** The tasks of the workflow that a task belongs to, as far as they are remembered. */
export function treeOf(task: TaskState, store: MonitorStore): TaskTree {
  const rootId = task.rootId ?? task.uuid
  const members = [...store.tasks.values()].filter((other) => other.uuid === rootId || other.rootId === rootId)
  const nodes = members.slice(0, MOST_NODES).map(({ uuid: id, name, state, parentId, runtime }) => ({
    ...{ id, name, state, parentId, runtime },
  }))
  return { rootId, nodes, cut: members.length > MOST_NODES }
}

/** The runs of a task's code, derived from its events in time order. */
export function attemptsOf(moments: readonly KeptMoment[]): readonly TaskAttempt[] {
  const attempts: TaskAttempt[] = []
  for (const { what, at, by, note } of [...moments].sort((a, b) => a.at - b.at)) {
    const last = attempts.at(-1)
    const number = attempts.length + 1
    if (what === 'started') {
      attempts.push({ number, worker: by, started: at, ended: undefined, outcome: undefined, note: undefined })
    } else if (ENDS.has(what) && last !== undefined && last.ended === undefined) {
      attempts[attempts.length - 1] = { ...last, ended: at, outcome: what, note }
    }
  }
  return attempts
}

/** The hidden parts of a task. */
export function hiddenOf({ uuid: id, name }: TaskState, hide: Hide): ReadonlySet<HiddenPart> {
  return new Set(hide({ id, name }))
}

function lostSince({ state, worker }: TaskState, store: MonitorStore, now: number): number | undefined {
  if (FINAL.has(state) || worker === undefined) return undefined
  const host = store.workers.get(worker)
  if (host === undefined || isAlive(host, now)) return undefined
  return host.lastHeard ?? store.leftAt(worker)
}

function cell(text: string): string {
  return text.length <= LONGEST_CELL ? text : `${beginningOf(text, LONGEST_CELL)}…`
}
