import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { TwqError } from '../../errors.ts'

// The kernel counts a process's start in hundredths of a second, independent of the wall clock.
const TICKS_PER_SECOND = 100
// How far the clock may have been set forward since the file was written.
const TOLERANCE_MS = 10_000

// A lock is held for less than a millisecond: an older one was left by a process that died in between.
const STALE_LOCK_MS = 10_000

/**
 * Writes this process's id into a file that no running process has, and removes it when disposed. The file of a dead process is
 * replaced, by one process only if several try at once. Throws `TWQ_PIDFILE` if the process that it names still runs, and for a
 * file that is no pid file.
 */
export function claimPidFile(path: string): Disposable {
  refuseSpecial(path)
  // Without it two processes could both find the file stale, and the second would delete the one that the first has written.
  using _lock = takeLock(path)
  if (!create(path)) {
    const owner = livingOwner(path)
    if (owner !== undefined) {
      throw new TwqError('TWQ_PIDFILE', `${path} belongs to process ${owner}, which still runs`, {
        hint: `Stop that one: kill ${owner}\nOr give this worker another --pidfile; where process ${owner} is no worker, remove the file: rm ${path}`,
      })
    }
    refuseOther(path)
    rmSync(path, { force: true })
    if (!create(path)) throw taken(path)
  }
  return {
    [Symbol.dispose]() {
      if (readPid(path)?.pid === process.pid) unlinkSync(path)
    },
  }
}

/** Takes the lock of the pid file, a file beside it, which is removed when disposed. Throws while another process holds it. */
function takeLock(path: string): Disposable {
  const lock = `${path}.lock`
  if (!create(lock, path)) {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Math.abs(Date.now() - since) < STALE_LOCK_MS) throw taken(path)
    refuseOther(lock)
    rmSync(lock, { force: true })
    if (!create(lock, path)) throw taken(path)
  }
  return { [Symbol.dispose]: () => rmSync(lock, { force: true }) }
}

function taken(path: string): TwqError {
  return new TwqError('TWQ_PIDFILE', `another process is taking ${path} at this moment`, {
    hint: 'Give each worker a --pidfile of its own.',
  })
}

/** Writes this process's id into a new file; false if the file exists. An error names `asked`, the path that the user gave. */
function create(path: string, asked = path): boolean {
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
    throw new TwqError('TWQ_PIDFILE', `can't write ${asked}`, {
      hint: 'Give --pidfile a path in a folder that is there, and that this user may write to.',
      cause,
    })
  }
}

/** Throws for a folder, a device or a pipe: a device would be deleted, and reading a pipe would wait for its writer. */
function refuseSpecial(path: string): void {
  let isFile: boolean
  try {
    isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true
  } catch {
    // Creating the file says why.
    return
  }
  if (!isFile) throw notOurs(path)
}

/** Throws for a file that was written for another purpose, a configuration file say: it would be deleted. */
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
