import { readFileSync } from 'node:fs'

// What Linux reports about a process under /proc; NaN elsewhere.
const told = process.platform === 'linux'

/** Milliseconds of processor time that a process has used. */
export function cpuTime(pid: number): number {
  if (!told) return Number.NaN
  // After the name, which may hold any character but ends with the last parenthesis; in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The current memory of a process in megabytes, memory shared by processes counted only once. */
export function proportionalSize(pid: number): number {
  return megabytes(pid, 'smaps_rollup', 'Pss')
}

/** The current memory of a process in megabytes, including shared memory. */
export function residentSize(pid: number): number {
  return megabytes(pid, 'status', 'VmRSS')
}

/** The peak memory of a process in megabytes, including shared memory. */
export function highestResidentSize(pid: number): number {
  return megabytes(pid, 'status', 'VmHWM')
}

function megabytes(pid: number, file: string, name: string): number {
  if (!told) return Number.NaN
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
}
