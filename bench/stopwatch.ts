import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Counts messages in the process that handles them, and writes three lines to `path`: the times of the first, of the middle and
 * of the `count`th message. They are readings of the machine's monotonic clock, so that other processes can compare them with
 * their own.
 */
export function stopwatch(path: string, count: number): () => void {
  const middle = Math.ceil(count / 2)
  let seen = 0
  return () => {
    seen += 1
    if (seen === 1 || seen === middle || seen === count) appendFileSync(path, `${now()}\n`)
  }
}

export function createStopwatch(path: string): void {
  writeFileSync(path, '')
}

/** The times, in milliseconds; undefined for one that has not come yet. */
export function readStopwatch(path: string): Record<'first' | 'middle' | 'last', number | undefined> {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  const [first, middle, last] = lines.map(Number)
  return { first, middle, last }
}

/** Milliseconds on the machine's monotonic clock, the same in every process. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
