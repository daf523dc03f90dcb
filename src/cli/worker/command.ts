import { options } from '../../config/options.ts'
import { type Command, Option } from '../flags/commander.ts'
import { addConfigFlags } from '../flags/config-flags.ts'
import { withDestination } from '../remote/command.ts'
import type { Exit } from '../terminal/exit-codes.ts'
import { celeryFlags } from './celery-flags.ts'

/** The commands of `twq worker`. */
export function addWorker(worker: Command, exit: Exit): void {
  const start = worker.command('start').description('consume the queues and run their tasks')
  addConfigFlags(start, 'worker', options)
    .option('-I, --include <globs>', 'more task modules, relative to this folder')
    .option('-f, --logfile <path>', 'append the log to this file instead of standard error')
    .option('--pidfile <path>', 'write the process id to this file; refuse to start if it names a running worker')
    .option('--purge', 'first delete the messages in the queues, after a confirmation')
    .option('-y, --yes', 'do not ask for the confirmation of --purge')
    .option('--max-tasks <n>', 'stop after this many tasks')
    .option('--once', 'stop once the queues are empty')
    .option('--dry-run', 'load everything, connect, and print what the worker would do')
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
    .description('health check of a worker on this machine, for probes: exits with 0 or 1')
    .option('--ready', 'is it consuming? (default)')
    .addOption(new Option('--live', 'is it alive, or does it need a restart?').conflicts(['ready', 'started']))
    .addOption(new Option('--started', 'has it begun to consume?').conflicts(['ready', 'live']))
    .option('-n, --node <name>', 'the worker to ask (default: the only one that this user runs)')
    .option('--socket <path>', 'the socket that it listens on')
    .option('--address <host:port>', 'the address that it listens on, as given to its --health')
    .action(async (_options, command: Command) => {
      const { workerHealth } = await import('./health.ts')
      exit(await workerHealth(command.optsWithGlobals()))
    })
  withDestination(worker.command('list').description('list the workers that answer; exit with 69 if none does')).action(
    async (_options, command: Command) => {
      const { workerList } = await import('./list.ts')
      exit(await workerList(command.optsWithGlobals()))
    },
  )
  worker
    .command('stop [node]')
    .description('shut a worker down, after its running tasks have ended')
    .option('--all', 'all workers on the broker')
    .option('--wait', 'wait until it has stopped, at most --timeout')
    .action(async (node: string | undefined, _options, command: Command) => {
      const { workerStop } = await import('./stop.ts')
      exit(await workerStop(node, command.optsWithGlobals()))
    })
  worker
    .command('drain [node]')
    .description('cancel all consumers of a worker, and wait until no task runs there, at most --timeout')
    .option('--all', 'all workers on the broker')
    .action(async (node: string | undefined, _options, command: Command) => {
      const { workerDrain } = await import('./stop.ts')
      exit(await workerDrain(node, command.optsWithGlobals()))
    })
  const consuming = {
    pause: ['cancel_consumer', 'stop consuming a queue'],
    resume: ['add_consumer', 'consume a queue again'],
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
