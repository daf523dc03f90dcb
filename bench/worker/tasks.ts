import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask } from 'twq'
import { stopwatch } from '../stopwatch.ts'

const { BENCH_STOPWATCH, BENCH_COUNT } = process.env
const tick = BENCH_STOPWATCH ? stopwatch(BENCH_STOPWATCH, Number(BENCH_COUNT)) : () => {}

/** The task of most measurements: it does as little as a task can. */
export const add = defineTask({
  name: 'bench.add',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    tick()
    return x + y
  },
})

/** The same, but it fails. */
export const fail = defineTask({
  name: 'bench.fail',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    tick()
    throw new RangeError(`no sum for ${x} and ${y}`)
  },
})

/** Keeps a processor busy for some hundredths of a second, the given number of times. */
export const spin = defineTask({
  name: 'bench.spin',
  positional: ['times'],
  run({ times }: { times: number }) {
    let sum = 0
    for (let number = 0; number < times * 10_000_000; number += 1) sum += Math.sqrt(number)
    return sum
  },
})

/** Waits, like a task that calls another service. */
export const nap = defineTask({
  name: 'bench.nap',
  positional: ['milliseconds'],
  async run({ milliseconds }: { milliseconds: number }) {
    await sleep(milliseconds)
    tick()
  },
})

/** The same, unmeasured. */
export const warmUp = defineTask({
  name: 'bench.warm_up',
  positional: ['milliseconds'],
  async run({ milliseconds }: { milliseconds: number }) {
    await sleep(milliseconds)
  },
})
