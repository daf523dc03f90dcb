import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The commands of `twq quarantine`. */
export function addQuarantine(quarantine: Command, exit: Exit): void {
  const actions = {
    list: 'show what was set aside, and why',
    replay: 'publish the originals to their queue again',
    purge: 'drop them for good',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = quarantine
      .command(action)
      .description(description)
      .option('--queue <name>', QUEUE)
      .option('--task <name>', "only messages for this task; 'emails.*' is a pattern")
      .option('--reason <name>', 'only messages set aside for this reason, like NotRegistered')
      .option('--id <id>', 'only the message of this task id')
      .option('--since <duration|date>', 'only messages set aside since then, like 2h')
      .option('--older-than <duration|date>', 'only messages set aside before then, like 7d')
      .option('--limit <n>', `look at no more than this many messages${action === 'list' ? ' (default: 1000)' : ''}`)
      .action(async (_options, command: Command) => {
        const module = await import('./quarantine.ts')
        exit(await module.quarantine(action, command.optsWithGlobals()))
      })
    if (action === 'list') continue
    command.option('--dry-run', 'show which messages it would be, and do nothing')
    command.option('--rate <rate>', `how fast, like '50/s' (default: as fast as the broker takes it)`)
    if (action === 'purge') command.option('--yes', 'do not ask')
  }
  quarantine
    .command('show <id>')
    .description('show the message of one task id, whole')
    .option('--queue <name>', QUEUE)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./quarantine.ts')
      exit(await module.showQuarantined(id, command.optsWithGlobals()))
    })
}

const QUEUE = "the queue they came from (default: the configuration's first)"
