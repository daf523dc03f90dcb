import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq monitor`. */
export function addMonitor(monitor: Command, exit: Exit): void {
  monitor
    .option('--listen <address>', 'listen here; another address than this machine needs --auth', '127.0.0.1:5555')
    .option('--base-path <path>', "where the page begins behind a proxy, like '/twq'")
    .option('--auth <file>', 'who may log in: lines of a name, a secret, and rights (view, retry, edit, schedule)')
    .option('--insecure', 'let everybody in who reaches another address, without a login')
    .option('--allow-control', 'let visitors use their rights to retry, edit and schedule; without --auth, everybody')
    .option('--allow-host <name>', 'a name that the page is reached by, besides addresses; may be repeated', collect)
    .option('--hide <parts>', 'show none of these: args, results, errors; separated by commas')
    .option('--store <file>', 'keep tasks for 30 days in this file, which takes the package libsql')
    .option('--enable', 'have workers send task events that were started without; they go on after this')
    .action(async (_options, command: Command) => {
      const { monitor } = await import('./monitor.ts')
      exit(await monitor(command.optsWithGlobals()))
    })
}
