import { readdirSync, readFileSync } from 'node:fs'

/** The resident memory of a process and of all that it has started, in megabytes. */
export function residentMegabytes(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    return Math.round(Number(kilobytes) / 1024) + children.reduce((sum, child) => sum + residentMegabytes(child), 0)
  } catch {
    // It has ended meanwhile.
    return 0
  }
}
