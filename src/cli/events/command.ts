import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq events`. */
export function addEvents(events: Command, exit: Exit): void {
  events
    .option('--ndjson', "print each event as a line of JSON, with Celery's keys; --json does the same")
    .option('--type <type>', "only such events; 'task-*' is a pattern; may be repeated", collect)
    .option('--task <name>', "only events of such tasks; 'emails.*' is a pattern")
    .option('-d, --destination <nodes>', 'only from these workers, by name, separated by commas')
    .option('--enable', 'have workers send task events that were started without; they go on after this')
    .option('--limit <n>', 'end after this many events')
    .action(async (_options, command: Command) => {
      const { events } = await import('./events.ts')
      exit(await events(command.optsWithGlobals()))
    })
}

/** The flags of `twq top`. */
export function addTop(top: Command, exit: Exit): void {
  top
    .option('--interval <duration>', 'how often it is drawn')
    .option('--once', 'print one table, or with --json one document, and end')
    .option('--no-enable', 'do not have workers send task events that were started without')
    .action(async (_options, command: Command) => {
      const { top } = await import('../top/top.ts')
      exit(await top(command.optsWithGlobals()))
    })
}
