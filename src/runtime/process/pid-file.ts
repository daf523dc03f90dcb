import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { TwqError } from '../../errors.ts'

// The kernel counts a process's start in hundredths of a second, independent of the wall clock.
const TICKS_PER_SECOND = 100
// How far the clock may have been set forward since the file was written.
const TOLERANCE_MS = 10_000

/**
 * Writes this process's id into a file that no running process has, and removes it when disposed. One that a dead process has left is
 * replaced. Throws `TWQ_PIDFILE` where the process that it names still runs, and for a file that is no pid file.
 */
export function claimPidFile(path: string): Disposable {
  // One retry: the file of a dead process is removed once.
  if (!create(path)) {
    const owner = livingOwner(path)
    if (owner !== undefined) {
      throw new TwqError('TWQ_PIDFILE', `${path} belongs to process ${owner}, which still runs`, {
        hint: `Stop that one: kill ${owner}\nOr give this worker another --pidfile; where process ${owner} is no worker, remove the file: rm ${path}`,
      })
    }
    refuseOther(path)
    rmSync(path, { force: true })
    if (!create(path)) {
      throw new TwqError('TWQ_PIDFILE', `another process has just taken ${path}`, {
        hint: 'Give each worker a --pidfile of its own.',
      })
    }
  }
  return {
    [Symbol.dispose]() {
      if (readPid(path)?.pid === process.pid) unlinkSync(path)
    },
  }
}

/** False if the file exists. */
function create(path: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, `${process.pid}\n`)
    } finally {
      closeSync(file)
    }
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new TwqError('TWQ_PIDFILE', `can't write ${path}`, {
      hint: 'Give --pidfile a path in a folder that is there, and that this user may write to.',
      cause,
    })
  }
}

/** Throws for a path that is not a pid file, such as a folder or a configuration file: it would be deleted. */
function refuseOther(path: string): void {
  try {
    // A crash may leave an empty file, or one of zeros.
    if (/^[\0\s]*(-?\d+)?[\0\s]*$/.test(readFileSync(path, 'latin1'))) return
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw notOurs(path, cause)
  }
  throw notOurs(path)
}

function notOurs(path: string, cause?: unknown): TwqError {
  return new TwqError('TWQ_PIDFILE', `${path} already exists and is not a pid file`, {
    hint: 'Give --pidfile a path that nothing else uses.',
    cause,
  })
}

/**
 * The process named in the file, if it is the one that wrote it: process ids are reused, in containers starting from the lowest.
 */
function livingOwner(path: string): number | undefined {
  const found = readPid(path)
  if (found === undefined || found.pid === process.pid || !runs(found.pid)) return undefined
  const startedAt = startOf(found.pid)
  return startedAt !== undefined && startedAt > found.writtenAt + TOLERANCE_MS ? undefined : found.pid
}

const LONGEST = 32

function readPid(path: string): { readonly pid: number; readonly writtenAt: number } | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(LONGEST)
      const [digits] = /^\d+/.exec(bytes.toString('latin1', 0, readSync(file, bytes))) ?? []
      const pid = Number(digits)
      return pid > 0 ? { pid, writtenAt: fstatSync(file).mtimeMs } : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process started, in milliseconds since the epoch; undefined without /proc. */
function startOf(pid: number): number | undefined {
  try {
    // The name, in parentheses, may hold blanks; the start is the twentieth field after it (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    const [uptime] = readFileSync('/proc/uptime', 'latin1').split(' ')
    const startedAt = Date.now() - (Number(uptime) - Number(fields[19]) / TICKS_PER_SECOND) * 1000
    return Number.isFinite(startedAt) ? startedAt : undefined
  } catch {
    return undefined
  }
}
