import { options } from '../../config/options.ts'
import { type Command, Option } from '../flags/commander.ts'
import { addConfigFlags } from '../flags/config-flags.ts'
import { withDestination } from '../remote/command.ts'
import type { Exit } from '../terminal/exit-codes.ts'
import { celeryFlags } from './celery-flags.ts'

/** The commands of `twq worker`. */
export function addWorker(worker: Command, exit: Exit): void {
  const start = worker.command('start').description('take tasks from the queues and run them')
  addConfigFlags(start, 'worker', options)
    .option('-I, --include <globs>', 'more task modules, relative to this folder')
    .option('-f, --logfile <path>', 'append the log to this file instead of standard error')
    .option('--pidfile <path>', 'write the process id there; refuse to start where a worker that runs has done so')
    .option('--purge', 'first drop what waits in the queues, once confirmed')
    .option('-y, --yes', 'confirm it beforehand')
    .option('--max-tasks <n>', 'stop after this many tasks')
    .option('--once', 'stop once the queues are empty')
    .option('--dry-run', 'load everything, connect, and print what would be done')
    .addOption(new Option('--supervised').hideHelp())
    .addOption(new Option('--events').hideHelp())
    .addOption(new Option('--discard').hideHelp())
    .action(async (_options, command: Command) => {
      const { workerStart } = await import('./start.ts')
      exit(await workerStart(command.optsWithGlobals()))
    })
  for (const { usage } of celeryFlags) start.addOption(new Option(usage).hideHelp())

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
      const { workerHealth } = await import('./health.ts')
      exit(await workerHealth(command.optsWithGlobals()))
    })
  withDestination(worker.command('list').description('the workers that are there; 69 when there is none')).action(
    async (_options, command: Command) => {
      const { workerList } = await import('./list.ts')
      exit(await workerList(command.optsWithGlobals()))
    },
  )
  worker
    .command('stop [node]')
    .description('have a worker finish what runs, and leave')
    .option('--all', 'every worker of the broker')
    .option('--wait', 'until it is gone, for at most --timeout')
    .action(async (node: string | undefined, _options, command: Command) => {
      const { workerStop } = await import('./stop.ts')
      exit(await workerStop(node, command.optsWithGlobals()))
    })
  worker
    .command('drain [node]')
    .description('take a worker off all its queues, and wait until nothing runs there, for at most --timeout')
    .option('--all', 'every worker of the broker')
    .action(async (node: string | undefined, _options, command: Command) => {
      const { workerDrain } = await import('./stop.ts')
      exit(await workerDrain(node, command.optsWithGlobals()))
    })
  const consuming = {
    pause: ['cancel_consumer', 'take no more tasks from a queue'],
    resume: ['add_consumer', 'take them again'],
  }
  for (const [name, [method, description]] of Object.entries(consuming) as [string, [string, string]][]) {
    withDestination(worker.command(`${name} <queue>`).description(description)).action(
      async (queue: string, _options, command: Command) => {
        const { tellWorkers } = await import('../remote/control.ts')
        exit(await tellWorkers(`worker ${name}`, method, { queue }, command.optsWithGlobals()))
      },
    )
  }
}
