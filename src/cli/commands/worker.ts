import { type Command, Option } from 'commander'
import { addConfigFlags } from '../config-flags.ts'
import type { Exit } from '../exit-codes.ts'

/** `twq worker …`. */
export function addWorker(program: Command, exit: Exit): void {
  const worker = program.command('worker').description('run tasks')
  addConfigFlags(worker.command('start').description('take tasks from the queues and run them'), 'worker')
    .option('-I, --include <globs>', 'more task modules, relative to this folder')
    .option('-f, --logfile <path>', 'append the log to this file instead of standard error')
    .option('--pidfile <path>', 'write the process id there; refuse to start where a worker that runs has done so')
    .option('--purge', 'first drop what waits in the queues, once confirmed')
    .option('-y, --yes', 'confirm it beforehand')
    .option('--max-tasks <n>', 'stop after this many tasks')
    .option('--once', 'stop once the queues are empty')
    .option('--dry-run', 'load everything, connect, and print what would be done')
    .addOption(new Option('-D, --detach').hideHelp())
    .addOption(new Option('-B, --beat').hideHelp())
    .addOption(new Option('-O, --optimization <profile>').hideHelp())
    .addOption(new Option('--supervised').hideHelp())
    .action(async (_options, command: Command) => {
      const { workerStart } = await import('../worker-start.ts')
      exit(await workerStart(command.optsWithGlobals()))
    })

  worker
    .command('health')
    .description('ask a worker of this machine how it is, for probes: ends with 0 or 1')
    .option('--ready', 'does it consume? (default)')
    .addOption(new Option('--live', 'does it work, or would a restart help?').conflicts(['ready', 'started']))
    .addOption(new Option('--started', 'has it consumed yet?').conflicts(['ready', 'live']))
    .option('-n, --node <name>', 'the worker to ask (default: the only one that this user runs)')
    .option('--socket <path>', 'where it listens')
    .option('--address <host:port>', 'where it listens: what its --health says')
    .action(async (_options, command: Command) => {
      const { workerHealth } = await import('../worker-health.ts')
      exit(await workerHealth(command.optsWithGlobals()))
    })
}
