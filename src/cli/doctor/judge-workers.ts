import { type Finding, ok, warning } from './finding.ts'
import type { WorkerFacts } from './look-at-workers.ts'

/** The worker that this configuration would start. */
export interface Ours {
  readonly node: string
  readonly tasks: readonly string[]
  readonly queues: readonly string[]
}

// Beyond this, `eta` and `expires` written there mean something else here. The message's way is a part of what is seen.
const LARGEST_SKEW = 5_000
const MOST_NAMES = 5

/** How the live workers fit together, and with this configuration. */
export function judgeWorkers(workers: readonly WorkerFacts[], ours: Ours): readonly Finding[] {
  if (workers.length === 0) {
    return [ok('workers', 'none is running on this broker')]
  }
  const found = workers.flatMap((worker) => [
    ...judgeName(worker),
    ...judgeClock(worker),
    ...(worker.queues.some((queue) => ours.queues.includes(queue)) ? judgeTasks(worker, ours) : []),
  ])
  return [ok('workers', `${workers.length} running: ${some(workers.map(({ node }) => node))}`), ...found]
}

function judgeName({ node, listeners = 1 }: WorkerFacts): readonly Finding[] {
  if (listeners <= 1) return []
  return [
    warning(
      `worker ${node}`,
      `${listeners} workers have this name`,
      'Each remote-control request reaches one of them only: revokes, inspect and shutdown go astray.',
      'Give each a name of its own: --hostname w1@%h',
    ),
  ]
}

function judgeClock({ node, aheadBy }: WorkerFacts): readonly Finding[] {
  if (aheadBy === undefined || Math.abs(aheadBy) <= LARGEST_SKEW) return []
  const direction = aheadBy > 0 ? 'ahead of' : 'behind'
  return [
    warning(
      `worker ${node}`,
      `its clock is ${Math.round(Math.abs(aheadBy) / 1_000)} s ${direction} this machine's`,
      'Countdowns, expirations and schedules are absolute times in messages: they come early or late by that much.',
      'Synchronise both clocks: timedatectl set-ntp true',
    ),
  ]
}

function judgeTasks({ node, tasks, queues }: WorkerFacts, ours: Ours): readonly Finding[] {
  const shared = queues.filter((queue) => ours.queues.includes(queue)).join(', ')
  const isOwn = (name: string): boolean => !name.startsWith('celery.')
  const onlyThere = tasks.filter((name) => isOwn(name) && !ours.tasks.includes(name))
  const onlyHere = ours.tasks.filter((name) => isOwn(name) && !tasks.includes(name))
  const fix = 'Deploy the same tasks on both, or give each its own queue: --queues, and task_routes in Python'
  return [
    ...(onlyThere.length === 0
      ? []
      : [
          warning(
            `worker ${node}`,
            `it has tasks that this configuration has not: ${some(onlyThere)}`,
            `Both consume ${shared}: what reaches a worker of this configuration is set aside.`,
            fix,
          ),
        ]),
    ...(onlyHere.length === 0
      ? []
      : [
          warning(
            `worker ${node}`,
            `it has not the tasks ${some(onlyHere)}`,
            `Both consume ${shared}: what reaches that worker is set aside there, or dropped if it is a Celery worker.`,
            fix,
          ),
        ]),
  ]
}

function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMES
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
