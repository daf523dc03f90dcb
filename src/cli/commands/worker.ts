import { type Command, Option } from 'commander'
import { addConfigFlags } from '../config-flags.ts'
import type { Exit } from '../exit-codes.ts'

/** `twq worker …`. */
export function addWorker(program: Command, exit: Exit): void {
  const worker = program.command('worker').description('run tasks')
  addConfigFlags(worker.command('start').description('take tasks from the queues and run them'), 'worker')
    .addOption(new Option('--supervised').hideHelp())
    .action(async (_options, command: Command) => {
      const { workerStart } = await import('../worker-start.ts')
      exit(await workerStart(command.optsWithGlobals()))
    })
}
