import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Counts messages in the process that handles them, and writes two lines to `path`: the moments of the first and of the
 * `count`th. Both are readings of the machine's monotonic clock, so that other processes can compare them with their own.
 */
export function stopwatch(path: string, count: number): () => void {
  let seen = 0
  return () => {
    seen += 1
    if (seen === 1 || seen === count) appendFileSync(path, `${now()}\n`)
  }
}

export function createStopwatch(path: string): void {
  writeFileSync(path, '')
}

/** The two moments, in milliseconds; undefined for one that has not come yet. */
export function readStopwatch(path: string): { first: number | undefined; last: number | undefined } {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  const [first, last] = lines.map(Number)
  return { first, last }
}

/** Milliseconds on the machine's monotonic clock, the same in every process. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
