import type { Command } from 'commander'
import { WATCH } from '../flags/watch-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

const QUEUE = "the queue they came from (default: the configuration's first)"

/** The commands of `twq failed`. */
export function addFailed(failed: Command, exit: Exit): void {
  const actions = {
    list: 'show what failed, and why',
    retry: 'run them again, with their arguments',
    drop: 'drop them for good',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = failed
      .command(action)
      .argument('[ids...]', 'only the tasks of these ids')
      .description(description)
      .option('--queue <name>', QUEUE)
      .option('--task <name>', "only failures of this task; 'emails.*' is a pattern")
      .option('--error <name>', 'only failures by this error, like ValueError')
      .option('--text <text>', 'only failures whose error or traceback has this text')
      .option('--since <duration|date>', 'only what failed since then, like 2h')
      .option('--older-than <duration|date>', 'only what failed before then, like 7d')
      .option('--limit <n>', `look at no more than this many messages${action === 'list' ? ' (default: 1000)' : ''}`)
      .action(async (ids: readonly string[], _options, command: Command) => {
        if (action === 'list') exit(await (await import('./list.ts')).failedList(ids, command.optsWithGlobals()))
        else exit(await (await import('./failed.ts')).failed(action, ids, command.optsWithGlobals()))
      })
    if (action === 'list') {
      command.option(...WATCH)
      continue
    }
    command.option('--dry-run', 'show which failures it would be, and do nothing')
    command.option('--rate <rate>', `how fast, like '50/s' (default: as fast as the broker takes it)`)
    if (action === 'drop') command.option('--yes', 'do not ask')
  }
  failed
    .command('show <id>')
    .description('show the failures of one task id, whole')
    .option('--queue <name>', QUEUE)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./show.ts')
      exit(await module.showFailed(id, command.optsWithGlobals()))
    })
  failed
    .command('edit <id>')
    .description('run a failed task again, with arguments that are edited in $EDITOR')
    .option('--queue <name>', QUEUE)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./edit.ts')
      exit(await module.editFailed(id, command.optsWithGlobals()))
    })
}
