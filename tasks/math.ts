/**
 * The three tasks of Flask's own background-tasks example. Python starts them by name:
 *
 *     celery.send_task('add', args=[2, 3])
 *     celery.send_task('process', kwargs={'total': 10})
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask } from 'twq'
import { z } from 'zod'

/** The smallest possible task: named arguments in, a value out. `positional` defines what Python's `args=[2, 3]` binds to. */
export const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    return x + y
  },
})

/** Takes five seconds and returns nothing, which Python receives as None. */
export const block = defineTask({
  name: 'block',
  // Callers see that it has started: STARTED.
  trackStarted: true,
  async run(_args: Record<never, never>, ctx) {
    // Pass the signal to whatever waits: it aborts when the worker must stop, and the task goes back to the queue.
    await sleep(5_000, undefined, { signal: ctx.signal })
  },
})

/** Processes `total` steps of a second each and reports its progress. */
export const process = defineTask({
  name: 'process',
  positional: ['total'],
  // With a schema, arguments that don't fit fail the task before its code runs. Any Standard Schema library works.
  schema: z.object({ total: z.int().min(0) }),
  async run({ total }, ctx) {
    for (let current = 1; current <= total; current++) {
      // Python reads it as result.state == 'PROGRESS' and result.info == {'current': …, 'total': …}.
      await ctx.progress({ current, total })
      await sleep(1_000, undefined, { signal: ctx.signal })
    }
    return { current: total, total }
  },
})
