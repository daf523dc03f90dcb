import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** `twq doctor`. */
export function addDoctor(program: Command, exit: Exit): void {
  program
    .command('doctor')
    .description('find what keeps a worker from working: configuration, tasks, broker, queues, other workers')
    .action(async (_options, command: Command) => {
      const module = await import('./doctor.ts')
      exit(await module.doctor(command.optsWithGlobals()))
    })
}
