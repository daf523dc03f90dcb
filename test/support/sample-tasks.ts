import { defineTask } from '../../src/tasks/define-task.ts'

// One task for each way to end, for tests of what the outside hears of it.

/** Succeeds. */
export const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

/** Fails. */
export const boom = defineTask({
  name: 'boom',
  run() {
    throw new RangeError('too far')
  },
})

/** Is retried once, and succeeds then. */
export const flaky = defineTask({
  name: 'flaky',
  retry: { limit: 1, delay: { base: 1, factor: 1, jitter: false } },
  run(_args, ctx) {
    if (ctx.attempt === 1) throw new TypeError('not yet')
    return 'done'
  },
})
