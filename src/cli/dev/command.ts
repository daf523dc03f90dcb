import type { Command } from 'commander'
import { addConfigFlags } from '../flags/config-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** `twq dev`. */
export function addDev(program: Command, exit: Exit): void {
  addConfigFlags(
    program.command('dev').description('develop: a broker, a worker that reloads, and a line for each task'),
    'worker',
  ).action(async (_options, command: Command) => {
    const module = await import('./dev.ts')
    exit(await module.dev(command.optsWithGlobals()))
  })
}
