import { uuid } from './properties.ts'
import type { Random } from './random.ts'
import { anyText } from './values.ts'

/** Names of tasks that the worker has, that it has built in, and that it lacks. */
export const TASKS = [
  'acceptance.work',
  'acceptance.fail',
  'acceptance.header',
  'no.such.task',
  'celery.chord_unlock',
  'celery.group',
]

/** What a task's message says of its follow-ups, in the shapes of Celery's canvas or nearly so. */
export function hostileEmbed(random: Random) {
  const list = () => (random.chance(0.5) ? null : Array.from({ length: random.below(4) }, () => signature(random, 0)))
  const chord = random.chance(0.2) ? signature(random, 0) : null
  return { callbacks: list(), errbacks: list(), chain: list(), chord }
}

function signature(random: Random, depth: number): unknown {
  if (depth > 3 || random.chance(0.1)) return random.pick([null, 1, 'x', [], {}, { task: 1 }])
  const one = () => signature(random, depth + 1)
  const many = () => Array.from({ length: random.below(random.chance(0.02) ? 200 : 4) }, one)
  const kind = random.pick([null, 'group', 'chain', 'chord', 'xmap', 'starmap', 'chunks', 'x'])
  const options: readonly (() => unknown)[] = [
    () => ({}),
    () => ({ task_id: uuid(random) }),
    () => ({ queue: `fuzz-${random.below(30)}` }),
    () => ({ queue: anyText(random).slice(0, 300) }),
    () => ({ link: many(), link_error: many() }),
    () => ({ countdown: random.pick([0, -1, 0.5, 'x']), priority: random.pick([0, 255, 256, -1]) }),
    () => ({ exchange: anyText(random).slice(0, 100), routing_key: 'x', expires: random.pick([0, -1, 1e300]) }),
  ]
  return {
    task: kind === null ? random.pick(TASKS) : `celery.${kind}`,
    args: random.pick([[], [0], null, {}]),
    kwargs: kind === null ? {} : { ...parts(random, one, many), it: [1, 2], n: random.pick([0, 1, -1, 1e9]) },
    options: random.pick(options)(),
    subtask_type: kind,
    immutable: random.chance(0.5),
  }
}

/** Of what workflows consist of, some: all of them at every level would be thousands of signatures. */
function parts(random: Random, one: () => unknown, many: () => unknown[]): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  if (random.chance(0.5)) found.tasks = many()
  if (random.chance(0.3)) found.header = many()
  if (random.chance(0.5)) found.body = one()
  if (random.chance(0.5)) found.task = one()
  return found
}
