import type { ChildProcess } from 'node:child_process'
import { exitOf, spawnGuarded } from '../test/support/provision/guarded.ts'
import { here } from './arena.ts'

/** Starts one of the benchmark's programs in a process of its own; its stderr is shown. */
export function startProgram(file: string, flags: Readonly<Record<string, string | number | boolean>>): ChildProcess {
  const child = spawnGuarded(process.execPath, ['--import', 'tsx', here(file), ...commandLine(flags)])
  child.stderr?.pipe(process.stderr)
  return child
}

/** Runs one of the benchmark's programs to its end; returns the JSON that it prints. */
export async function runProgram<Figures>(
  file: string,
  flags: Readonly<Record<string, string | number | boolean>>,
): Promise<Figures> {
  const child = startProgram(file, flags)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  const { code } = await exitOf(child)
  if (code !== 0) throw new Error(`${file} ended with ${code}`)
  return JSON.parse(output) as Figures
}

function commandLine(flags: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [`--${name}`] : []
    return [`--${name}`, String(value)]
  })
}
