import type { Command } from 'commander'
import { collect } from '../flags/values.ts'
import { WATCH } from '../flags/watch-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The commands of `twq queue`. */
export function addQueue(queue: Command, exit: Exit): void {
  queue
    .command('list')
    .description('list the configured queues and their companion queues, with their messages and consumers')
    .option('--queue <name>', 'also this queue; may be repeated', collect)
    .option('--all', 'every queue of the virtual host; needs the management API')
    .option('--management <url>', MANAGEMENT)
    .option(...WATCH)
    .action(async (_options, command: Command) => {
      const { queueList } = await import('./list.ts')
      exit(await queueList(command.optsWithGlobals()))
    })
  queue
    .command('show <name>')
    .description('show one queue: messages, consumers, settings')
    .option('--management <url>', MANAGEMENT)
    .action(async (name: string, _options, command: Command) => {
      const { queueShow } = await import('./show.ts')
      exit(await queueShow(name, command.optsWithGlobals()))
    })
  queue
    .command('declare [names...]')
    .description('declare the configured queues, or the named ones, as a worker does')
    .action(async (names: readonly string[], _options, command: Command) => {
      const { queueDeclare } = await import('./declare.ts')
      exit(await queueDeclare(names, command.optsWithGlobals()))
    })
  queue
    .command('peek <name>')
    .description('show the first messages and requeue them; the broker marks them as redelivered')
    .option('--limit <n>', 'show no more than this many (default: 10)')
    .option('--force', 'also in a suspects queue, where reading a message counts as a start that killed its worker')
    .action(async (name: string, _options, command: Command) => {
      const { queuePeek } = await import('./peek.ts')
      exit(await queuePeek(name, command.optsWithGlobals()))
    })
  queue
    .command('move <from> <to>')
    .description('move messages to another queue')
    .option('--task <name>', "only messages for this task; 'emails.*' is a pattern")
    .option('--id <id>', 'only the message with this task id')
    .option('--limit <n>', 'look at no more than this many messages')
    .option('--rate <rate>', "how fast, like '50/s' (default: as fast as the broker takes it)")
    .option('--dry-run', 'only say how many messages it would move')
    .option('--force', 'also in a suspects queue, where reading a message counts as a start that killed its worker')
    .action(async (from: string, to: string, _options, command: Command) => {
      const { queueMove } = await import('./move.ts')
      exit(await queueMove(from, to, command.optsWithGlobals()))
    })
  queue
    .command('purge <name>')
    .description('delete all messages of a queue')
    .option('--yes', 'do not ask')
    .action(async (name: string, _options, command: Command) => {
      const { queuePurge } = await import('./remove.ts')
      exit(await queuePurge(name, command.optsWithGlobals()))
    })
  queue
    .command('delete <name>')
    .description('delete a queue that is empty and has no consumer')
    .option('--force', 'even if it has messages or consumers')
    .option('--yes', 'do not ask')
    .action(async (name: string, _options, command: Command) => {
      const { queueDelete } = await import('./remove.ts')
      exit(await queueDelete(name, command.optsWithGlobals()))
    })
}

const MANAGEMENT = "RabbitMQ's management API, like http://localhost:15672 (default: the configuration's)"
