import type { Command } from 'commander'
import { addFilterFlags, addSweepFlags, QUEUE_FLAG, type SetAsideWords } from '../flags/set-aside-flags.ts'
import { WATCH } from '../flags/watch-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

const WORDS: SetAsideWords = {
  ofTask: 'failures of',
  since: 'what failed',
  things: 'failures',
  own: [
    ['--error <name>', 'only failures with this error, like ValueError'],
    ['--text <text>', 'only failures whose error or traceback contains this text'],
  ],
}

/** The commands of `twq failed`. */
export function addFailed(failed: Command, exit: Exit): void {
  const actions = {
    list: 'list failed tasks with their errors',
    retry: 'run them again, with their arguments',
    drop: 'delete them',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = failed
      .command(action)
      .argument('[ids...]', 'only the tasks with these ids')
      .description(description)
      .action(async (ids: readonly string[], _options, command: Command) => {
        if (action === 'list') exit(await (await import('./list.ts')).failedList(ids, command.optsWithGlobals()))
        else exit(await (await import('./failed.ts')).failed(action, ids, command.optsWithGlobals()))
      })
    addFilterFlags(command, WORDS, action === 'list')
    if (action === 'list') command.option(...WATCH)
    else addSweepFlags(command, WORDS, action === 'drop')
  }
  failed
    .command('show <id>')
    .description('show the failures of one task id in full')
    .option(...QUEUE_FLAG)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./show.ts')
      exit(await module.showFailed(id, command.optsWithGlobals()))
    })
  failed
    .command('edit <id>')
    .description('edit the arguments of a failed task in $EDITOR, and run it again')
    .option(...QUEUE_FLAG)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./edit.ts')
      exit(await module.editFailed(id, command.optsWithGlobals()))
    })
}
