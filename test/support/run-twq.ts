import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NO_AUTHORITIES } from './provision/guarded.ts'

/** What starts `twq`. */
export const TWQ = fileURLToPath(new URL('../../bin/twq.js', import.meta.url))

/** What a command printed and ended with. */
export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `twq` as a user does, in a process of its own, off a terminal and without settings from this environment. */
export async function runTwq(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [TWQ, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...NO_AUTHORITIES, ...options.env },
    stdio: 'pipe',
  })
  child.stdin.end(options.input)
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: status as number | null, stdout, stderr }
}

/** This process's environment without what would change how twq behaves. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(TWQ_|CELERY_|BROKER_URL$|NODE_ENV$|NODE_OPTIONS$|NO_COLOR$|FORCE_COLOR$|VITEST)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}
