import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask } from 'twq'

/** A text in, a text out. */
export const greet = defineTask({
  name: 'greet',
  positional: ['name'],
  run: ({ name }: { name: string }) => `Hello, ${name}!`,
})

/** Processes rows, three per second, and reports its progress. */
export const report = defineTask({
  name: 'report',
  positional: ['rows'],
  async run({ rows }: { rows: number }, ctx) {
    for (let row = 1; row <= rows; row++) {
      await ctx.progress({ current: row, total: rows })
      // With the signal, so that a worker that shuts down need not wait.
      await sleep(300, undefined, { signal: ctx.signal })
    }
    return { rows, file: `report-${ctx.id.slice(0, 8)}.csv` }
  },
})

/** Fails on its first attempt, like a service that is unavailable for a moment, and is retried a second later. */
export const call_partner = defineTask({
  name: 'call_partner',
  retry: { limit: 3, delay: { base: '1s', factor: 1 } },
  run(_: Record<never, never>, ctx) {
    if (ctx.attempt === 1) throw new Error('the partner does not answer')
    return `answered at attempt ${ctx.attempt}`
  },
})

/** Fails always. */
export const divide = defineTask({
  name: 'divide',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    if (y === 0) throw new RangeError(`${x} can't be divided by zero`)
    return x / y
  },
})
