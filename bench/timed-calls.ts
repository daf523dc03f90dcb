import { parseArgs } from 'node:util'

/** The options of every calling process. */
export function callOptions(): { url: string; queue: string; calls: number; confirm: boolean } {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      queue: { type: 'string', default: '' },
      calls: { type: 'string', default: '0' },
      confirm: { type: 'string', default: 'yes' },
    },
  })
  return { url: values.url, queue: values.queue, calls: Number(values.calls), confirm: values.confirm === 'yes' }
}

/** The output of {@link timeCalls}: milliseconds. */
export interface CallFigures {
  readonly p50: number
  readonly p99: number
}

/** The output of {@link timeBurst}. */
export interface BurstFigures {
  readonly perSecond: number
}

/** Makes consecutive calls and prints the percentiles of their times in milliseconds; the first tenth is warm-up. */
export async function timeCalls(calls: number, call: () => Promise<unknown>): Promise<void> {
  const warmUp = Math.ceil(calls / 10)
  const times: number[] = []
  for (let index = 0; index < warmUp + calls; index += 1) {
    const start = performance.now()
    await call()
    if (index >= warmUp) times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const percentile = (share: number) => times[Math.floor((times.length - 1) * share)]!
  print({ p50: percentile(0.5), p99: percentile(0.99) } satisfies CallFigures)
}

/** The number of concurrent sends. */
const WINDOW = 1000

/** Sends `count` messages, {@link WINDOW} of them concurrently, and prints how many per second were confirmed. */
export async function timeBurst(count: number, send: () => Promise<unknown>): Promise<void> {
  await send() // connects, where that was left to the first
  let sent = 0
  const source = async () => {
    while (sent < count) {
      sent += 1
      await send()
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: WINDOW }, source))
  print({ perSecond: count / ((performance.now() - start) / 1000) } satisfies BurstFigures)
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}
