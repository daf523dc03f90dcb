import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The action of `twq doctor`, which has no flags of its own. */
export function addDoctor(doctor: Command, exit: Exit): void {
  doctor.action(async (_options, command: Command) => {
    const module = await import('./doctor.ts')
    exit(await module.doctor(command.optsWithGlobals()))
  })
}
