import type { Command } from 'commander'
import { options } from '../../config/options.ts'
import { addConfigFlags } from '../flags/config-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq dev`: those of a worker. */
export function addDev(dev: Command, exit: Exit): void {
  addConfigFlags(dev, 'worker', options).action(async (_options, command: Command) => {
    const module = await import('./dev.ts')
    exit(await module.dev(command.optsWithGlobals()))
  })
}
