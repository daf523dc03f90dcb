import { defineTask } from 'twq'
import { stopwatch } from '../stopwatch.ts'

const { BENCH_STOPWATCH, BENCH_COUNT } = process.env
const tick = BENCH_STOPWATCH ? stopwatch(BENCH_STOPWATCH, Number(BENCH_COUNT)) : () => {}

/** The task that every measurement runs: it does as little as a task can. */
export const add = defineTask({
  name: 'bench.add',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    tick()
    return x + y
  },
})
