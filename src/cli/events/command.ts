import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq events`. */
export function addEvents(events: Command, exit: Exit): void {
  events
    .option('--ndjson', "print each event as a line of JSON, with Celery's keys; --json does the same")
    .option('--type <type>', "only events of this type; 'task-*' is a pattern; may be repeated", collect)
    .option('--task <name>', "only events of this task; 'emails.*' is a pattern")
    .option('-d, --destination <nodes>', 'only from these workers: node names, separated by commas')
    .option('--enable', 'enable task events in workers that do not send them; they stay enabled')
    .option('--limit <n>', 'exit after this many events')
    .action(async (_options, command: Command) => {
      const { events } = await import('./events.ts')
      exit(await events(command.optsWithGlobals()))
    })
}

/** The flags of `twq top`. */
export function addTop(top: Command, exit: Exit): void {
  top
    .option('--interval <duration>', 'refresh interval')
    .option('--once', 'print one table, or with --json one document, and exit')
    .option('--no-enable', 'do not enable task events in workers that do not send them')
    .action(async (_options, command: Command) => {
      const { top } = await import('../top/top.ts')
      exit(await top(command.optsWithGlobals()))
    })
}
