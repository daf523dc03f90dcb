import { nameProblem, type QueueSettings, readQueue } from '../../protocol/queue/queue-settings.ts'
import { type Routes, routeProblems } from '../../protocol/queue/routes.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { option } from './option.ts'
import { listOf, oneOf, type Parser, wholeNumber, yesOrNo } from './parsers.ts'

/** The tasks, and the queues that they come from and go to. */
export const queueOptions = {
  /** Task modules: paths or globs relative to the configuration file; or tasks themselves. */
  tasks: option({
    default: [],
    env: 'TWQ_TASKS',
    parser: listOf("a list of module paths, globs like './tasks/*.ts', or tasks", (entry) =>
      (typeof entry === 'string' && entry !== '') || isBranded(entry) ? (entry as string | AnyTask) : undefined,
    ),
    doc: 'task modules: paths or globs, relative to the configuration file',
  }),
  /** The queues to consume: names, or settings. A queue that exists on the broker with other settings is an error at the start. */
  queues: option({
    default: ['celery'],
    env: 'TWQ_QUEUES',
    celeryEnv: [{ name: 'CELERY_TASK_DEFAULT_QUEUE' }],
    flag: { short: '-Q', long: '--queues', placeholder: '<names>', of: 'worker' },
    parser: queueList(),
    doc: 'the queues to consume: names, or settings (docs/queues.md)',
  }),
  /** Queues of `queues` that this worker does not consume; their settings still apply to tasks sent to them. */
  excludeQueues: option({
    default: [],
    env: 'TWQ_EXCLUDE_QUEUES',
    flag: { short: '-X', long: '--exclude-queues', placeholder: '<names>', of: 'worker' },
    parser: listOf('a list of queue names', queueName),
    doc: 'queues of `queues` that this worker does not consume',
  }),
  /** The queue of tasks that are sent without one: by task name, by glob, or by a function. */
  routes: option({
    derived: 'none',
    env: 'TWQ_ROUTES',
    parser: routeList(),
    doc: 'the queue of tasks that are sent without one: by task name, glob or function (docs/queues.md)',
  }),
  /** The priority of tasks that are sent without one; needs queues with `maxPriority`. */
  defaultPriority: option({
    derived: 'none',
    env: 'TWQ_DEFAULT_PRIORITY',
    parser: wholeNumber(0, 255, 'a whole number from 0 to 255'),
    doc: 'the priority of tasks that are sent without one',
  }),
  /** Whether a task's callbacks and the tasks that it sends inherit its priority; Celery's `task_inherit_parent_priority`. Default false. */
  inheritPriority: option({
    default: false,
    env: 'TWQ_INHERIT_PRIORITY',
    parser: yesOrNo(),
    doc: "a task's callbacks and the tasks that it sends inherit its priority; Celery's `task_inherit_parent_priority`",
  }),
  /**
   * Which queues the worker declares for callbacks and for the tasks that a task sends. `configured`: those of `queues`, routes and tasks.
   * `any`, the default: also those that only a message names, at most 16 per message. Celery's `task_create_missing_queues`.
   */
  queueCreation: option({
    default: 'any',
    env: 'TWQ_QUEUE_CREATION',
    parser: oneOf('any', 'configured'),
    doc: 'which queues are declared for callbacks and for the tasks that a task sends: `configured`, those that `queues`, routes and tasks name; `any`, also at most 16 others per message',
  }),
}

function queueName(name: unknown): string | undefined {
  return typeof name === 'string' && name !== '' && nameProblem(name) === undefined ? name : undefined
}

/** In a file names and settings, elsewhere names. */
function queueList(): Parser<readonly TaskQueue[], readonly (string | QueueSettings)[]> {
  const expected = 'a list of different queues, at least one'
  const read = (members: unknown): readonly TaskQueue[] | undefined => {
    if (!Array.isArray(members) || members.length === 0) return undefined
    const queues = members.map(readQueue).flatMap((reading) => (reading.kind === 'queue' ? [reading.queue] : []))
    const names = new Set(queues.map(({ name }) => name))
    return names.size === members.length ? queues : undefined
  }
  return {
    expected,
    fromValue: read,
    fromText: (text) => read(text.split(',').map((name) => name.trim())),
    problemsOfText: (text) => text.split(',').flatMap((name) => nameProblem(name.trim()) ?? []),
    problems: (members) => {
      if (!Array.isArray(members)) return []
      return members.flatMap((member, index) => {
        const reading = readQueue(member)
        return reading.kind === 'queue' ? [] : reading.problems.map((problem) => `[${index}]${problem}`)
      })
    },
  }
}

/** In a file a table, a function, or a list of those; elsewhere JSON. */
function routeList(): Parser<Routes> {
  const read = (value: unknown): Routes | undefined =>
    routeProblems(value).length === 0 ? (value as Routes) : undefined
  return {
    expected: 'a table of task names, a function, or a list of those',
    fromValue: read,
    fromText: (text) => {
      try {
        return read(JSON.parse(text))
      } catch {
        return undefined
      }
    },
    problems: routeProblems,
  }
}

// A task is recognised by its brand (tasks/brand.ts); this layer knows the task modules by their types only.
function isBranded(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && Symbol.for('twq.task') in entry
}
