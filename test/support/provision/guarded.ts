import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Waits, in a process group of its own, for descriptor 3 to close: the other end is ours, so that is when we are gone,
 * however we ended. Then ends the command with all its children. The command itself replaces the shell: its process id,
 * its signals and its exit status are the command's own.
 */
const GUARD = `
set -m
folder=$1; shift
( cat <&3; kill -KILL -- -$$; [ -z "$folder" ] || rm -rf -- "$folder" ) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&-
`

/** Node reads these certificates at each start, which a start may take most of its time for; nothing that is started here needs them. */
export const NO_AUTHORITIES = { NODE_EXTRA_CA_CERTS: undefined }

export interface GuardedOptions {
  /** Added to our own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly stdin?: 'pipe' | 'ignore'
  /** A folder that the guard deletes when the command and we are gone. */
  readonly removes?: string
}

/** Starts a command that cannot outlive this process, even one killed outright; its children go with it. */
export function spawnGuarded(command: string, args: readonly string[], options: GuardedOptions = {}): ChildProcess {
  const stdio: StdioOptions = [options.stdin ?? 'ignore', 'pipe', 'pipe', 'pipe']
  const child = spawn('bash', ['-c', GUARD, 'guard', options.removes ?? '', command, ...args], {
    detached: true,
    stdio,
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  })
  const lifeline = child.stdio[3]
  lifeline?.on('error', () => {})
  child.once('exit', () => lifeline?.destroy())
  return child
}

/** Sends a signal to the command and all its children; quietly nothing when they are gone. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Kills the command and all its children and waits until it is gone. */
export async function killGroup(child: ChildProcess): Promise<void> {
  const gone = exitOf(child)
  signalGroup(child, 'SIGKILL')
  await gone
}

/** Resolves when the command has ended, at once when it already has. */
export async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { code: child.exitCode, signal: child.signalCode }
}
