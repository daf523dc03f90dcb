import type { Command } from 'commander'
import type { Exit } from '../exit-codes.ts'

/** `twq quarantine …`. */
export function addQuarantine(program: Command, exit: Exit): void {
  const quarantine = program.command('quarantine').description('messages that could not be used')
  const actions = {
    list: 'show what was set aside, and why',
    replay: 'publish the originals to their queue again',
    purge: 'drop them for good',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = quarantine
      .command(action)
      .description(description)
      .option('--queue <name>', "the queue they came from (default: the configuration's first)")
      .option('--task <name>', 'only messages for this task')
      .option('--reason <name>', 'only messages set aside for this reason, like NotRegistered')
      .option('--id <id>', 'only the message of this task id')
      .option('--limit <n>', 'look at no more than this many messages (default: 1000)')
      .action(async (_options, command: Command) => {
        const module = await import('../quarantine.ts')
        exit(await module.quarantine(action, command.optsWithGlobals()))
      })
    if (action !== 'list') command.option('--dry-run', 'show which messages it would be, and do nothing')
    if (action === 'purge') command.option('--yes', 'do it')
  }
}
