import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq monitor`. */
export function addMonitor(monitor: Command, exit: Exit): void {
  monitor
    .option(
      '--listen <address>',
      'address to listen on; needs --auth unless it is a loopback address',
      '127.0.0.1:5555',
    )
    .option('--base-path <path>', "the path of the page behind a proxy, like '/twq'")
    .option(
      '--auth <file>',
      'users who may log in: one line each with name, secret and rights (view, retry, edit, schedule)',
    )
    .option('--insecure', 'allow access without a login on an address that is not loopback')
    .option('--allow-control', 'enable the rights to retry, edit and schedule; without --auth, for everybody')
    .option('--allow-host <name>', 'a host name that requests may use, besides addresses; may be repeated', collect)
    .option('--hide <parts>', 'hide these parts: args, results, errors; separated by commas')
    .option('--store <file>', 'keep tasks for 30 days in this file; needs the package libsql')
    .option('--enable', 'enable task events in workers that do not send them; they stay enabled')
    .action(async (_options, command: Command) => {
      const { monitor } = await import('./monitor.ts')
      exit(await monitor(command.optsWithGlobals()))
    })
}
