import { poolKinds } from '../../pool/kinds/all.ts'
import type { PoolKind } from '../../pool/pool-kind.ts'
import { type Option, option } from './option.ts'
import { duration, memorySize, oneOf, poolBounds, wholeNumber, yesOrNo } from './parsers.ts'

// AMQP's prefetch count and heartbeat are 16 bits wide.
const LARGEST_SHORT = 65_535

/** How tasks run: where, how many, how long, and how their messages are settled. */
export const runningOptions = {
  /**
   * Where tasks run: on the worker's event loop (`async`), there one at a time (`solo`), in worker threads or in child
   * processes.
   */
  pool: poolOption(poolKinds),
  /** How many tasks run at once. */
  concurrency: option({
    derived: defaultConcurrencies(poolKinds),
    env: 'TWQ_CONCURRENCY',
    flag: { short: '-c', long: '--concurrency', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, 'a positive whole number'),
    doc: 'how many tasks run at once',
  }),
  /** The bounds between which the pool grows and shrinks by itself, instead of `concurrency`; as text `'max,min'`. */
  autoscale: option({
    derived: 'none',
    env: 'TWQ_AUTOSCALE',
    flag: { long: '--autoscale', placeholder: '<max,min>', of: 'worker' },
    parser: poolBounds(LARGEST_SHORT),
    doc: 'instead of `concurrency`: the pool grows to `max` while tasks wait, and shrinks to `min` when none do',
  }),
  /** When a message is acknowledged: once its result is safe (`late`), or when its task starts (`early`, Celery's default). */
  acks: option({
    default: 'late',
    env: 'TWQ_ACKS',
    flag: { long: '--acks', placeholder: '<when>', of: 'worker' },
    parser: oneOf('late', 'early'),
    doc: "when a message is acknowledged: `late`, once its result is safe; `early`, Celery's default, when its task starts",
  }),
  /** A thread or process is replaced after this many tasks. */
  maxTasksPerChild: option({
    derived: 'none',
    env: 'TWQ_MAX_TASKS_PER_CHILD',
    flag: { long: '--max-tasks-per-child', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, Number.MAX_SAFE_INTEGER, 'a positive whole number'),
    doc: 'a thread or process is replaced after this many tasks',
  }),
  /** A thread or process that uses more memory than this is replaced: bytes, or a text like `'200MB'`. */
  maxMemoryPerChild: option({
    derived: 'none',
    env: 'TWQ_MAX_MEMORY_PER_CHILD',
    flag: { long: '--max-memory-per-child', placeholder: '<size>', of: 'worker' },
    parser: memorySize(),
    doc: 'a thread or process that uses more memory than this is replaced',
  }),
  /** The hard time limit of tasks, unless a task or its message has one; Celery's `task_time_limit`. */
  timeLimit: option({
    derived: 'none',
    env: 'TWQ_TIME_LIMIT',
    flag: { long: '--time-limit', placeholder: '<duration>', of: 'worker' },
    parser: duration(1),
    doc: 'the hard time limit of tasks, unless a task or its message has one',
  }),
  /** The soft time limit of tasks, at which `ctx.signal` aborts, unless a task or its message has one. */
  softTimeLimit: option({
    derived: 'none',
    env: 'TWQ_SOFT_TIME_LIMIT',
    flag: { long: '--soft-time-limit', placeholder: '<duration>', of: 'worker' },
    parser: duration(1),
    doc: 'the soft time limit of tasks, at which `ctx.signal` aborts, unless a task or its message has one',
  }),
  /** Whether the message of a failed task is acknowledged even if `<queue>.failed` takes no copy of it. */
  ackOnFailure: option({
    default: true,
    env: 'TWQ_ACK_ON_FAILURE',
    parser: yesOrNo(),
    doc: '`false`: under `acks: late`, the message of a failed task is held until `<queue>.failed` takes it, regardless of `failures`',
  }),
  /** Whether the message of a task that reached its hard time limit is acknowledged, or requeued. */
  ackOnTimeout: option({
    default: true,
    env: 'TWQ_ACK_ON_TIMEOUT',
    parser: yesOrNo(),
    doc: '`false`: the message of a task that reached its hard time limit is requeued',
  }),
  /** Whether the message is requeued when the thread or process that ran its task died. */
  rejectOnLost: option({
    default: true,
    env: 'TWQ_REJECT_ON_LOST',
    parser: yesOrNo(),
    doc: 'when the thread or process that ran a task died: `true` requeues its message, `false` fails the task',
  }),
  /**
   * How many unacknowledged messages the worker holds, including those of running tasks. Default: `concurrency`, and while tasks
   * are quick as many more as run in 25 ms.
   */
  prefetch: option({
    derived: 'concurrency, more while tasks are quick',
    env: 'TWQ_PREFETCH',
    flag: { long: '--prefetch', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, `a whole number from 1 to ${LARGEST_SHORT}`),
    doc: 'how many unacknowledged messages the worker holds, including those of running tasks',
  }),
  /**
   * Sets `prefetch` to this many times the concurrency, however quick tasks are, unless `prefetch` is given; Celery's
   * `worker_prefetch_multiplier`.
   */
  prefetchMultiplier: option({
    derived: '1, more while tasks are quick',
    env: 'TWQ_PREFETCH_MULTIPLIER',
    flag: { long: '--prefetch-multiplier', placeholder: '<n>', of: 'worker' },
    parser: wholeNumber(1, LARGEST_SHORT, 'a positive whole number'),
    doc: 'sets `prefetch` to this many times the concurrency, unless `prefetch` is given',
  }),
}

/** The row of the option that chooses among kinds of pools, of which the first is the default. */
export function poolOption<Name extends string>(
  kinds: readonly [PoolKind<Name>, ...PoolKind<Name>[]],
): Option<Name, Name> {
  const places = kinds.map(({ where }) => where)
  return {
    default: kinds[0].name,
    env: 'TWQ_POOL',
    flag: { short: '-P', long: '--pool', placeholder: '<kind>', of: 'worker' },
    parser: oneOf(...kinds.map(({ name }) => name)),
    celeryValues: Object.fromEntries(
      kinds.flatMap(({ name, celeryNames = [] }) => celeryNames.map((celery) => [celery, name])),
    ),
    doc: `where tasks run: ${places.slice(0, -1).join(', ')}, or ${places.at(-1)}`,
  }
}

/** The default of how many attempts run at once, in words: of the default kind, and of the kinds that differ. */
function defaultConcurrencies(kinds: readonly PoolKind[]): string {
  const namesOf = new Map<string, string[]>()
  for (const { name, concurrency } of kinds) {
    if (concurrency !== undefined) namesOf.set(concurrency.words, [...(namesOf.get(concurrency.words) ?? []), name])
  }
  const [[usual = ''] = [], ...others] = namesOf
  return [usual, ...others.map(([words, names]) => `${names.join(', ')}: ${words}`)].join('; ')
}
